"""A made-up Jepsen history in EDN, as large as one likes: 1,000,000 transactions are about 290 MB.

python -m benchmarks.edn_file TXNS FILE
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

__all__ = ["list_append_lines", "write_list_append"]

_CLIENTS = 10
_KEYS_IN_PLAY = 10
_APPENDS_PER_KEY = 40


def list_append_lines(txns: int, *, seed: int = 0) -> Iterator[str]:
    """The lines of a strictly serializable list-append history as Jepsen prints them: up to ten open transactions.

    A transaction of 1 to 4 operations takes effect when it completes, so that its reads see what was complete then.
    """
    rng = Random(seed)
    lists: dict[int, list[str]] = {}
    keys, asked = list(range(_KEYS_IN_PLAY)), [0] * _KEYS_IN_PLAY
    busy: list[tuple[int, list[tuple[int, int]]]] = []  # Clients with the keys of their operations, 0 for reads.
    idle = list(range(_CLIENTS))
    index = started = 0
    while started < txns or busy:
        if started < txns and idle and (not busy or rng.random() < 0.5):
            ops = []
            for _ in range(rng.randint(1, 4)):
                slot = rng.randrange(_KEYS_IN_PLAY)
                appends = rng.random() < 0.5
                asked[slot] += appends
                ops.append((keys[slot], asked[slot] if appends else 0))
                if asked[slot] == _APPENDS_PER_KEY:
                    keys[slot], asked[slot] = max(keys) + 1, 0
            client = idle.pop(rng.randrange(len(idle)))
            busy.append((client, ops))
            started += 1
            yield _line(index, client, "invoke", [f"[:append {k} {n}]" if n else f"[:r {k} nil]" for k, n in ops])
        else:
            client, ops = busy.pop(rng.randrange(len(busy)))
            idle.append(client)
            yield _line(index, client, "ok", [_done(key, number, lists.setdefault(key, [])) for key, number in ops])
        index += 1


def _line(index: int, client: int, kind: str, ops: list[str]) -> str:
    time = 1_000_000_000 + index * 51_237
    return f"{{:index {index}, :time {time}, :type :{kind}, :process {client}, :f :txn, :value [{' '.join(ops)}]}}\n"


def _done(key: int, number: int, elements: list[str]) -> str:
    if number:
        elements.append(str(number))
        return f"[:append {key} {number}]"
    return f"[:r {key} [{' '.join(elements)}]]"


def write_list_append(path: Path, txns: int, *, seed: int = 0) -> None:
    """Write the lines to a file. Raises OSError."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(list_append_lines(txns, seed=seed))


if __name__ == "__main__":
    write_list_append(Path(sys.argv[2]), int(sys.argv[1]))
