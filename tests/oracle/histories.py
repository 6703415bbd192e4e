"""Small random list-append histories of 2 to 10 transactions, most of them with something wrong.

Three makers: a simulated database of some level, with some bugs; reads of arbitrary beginnings of an arbitrary
version order; and a cycle of chosen edges turned into the transactions that show it. The first two have 1 to 4
clients and 1 to 3 keys, the third up to one per transaction and per edge.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from harness.history import UNSEEN, Op, Status, Txn

from .choices import Choices, Drawn, Seeded, any_status, shuffled
from .simulation import BUGS, LEVELS, simulate

__all__ = ["cycle_history", "histories", "prefix_history", "random_history", "simulated_history"]

_CLIENTS = (1, 2, 3, 4, 4, 4)


def random_history(seed: int) -> list[Txn]:
    """The history of this seed by one of the three makers, rows in the order of their starts."""
    return _history(Seeded(seed))


@st.composite
def histories(draw: st.DrawFn) -> list[Txn]:
    """The same histories as `random_history`, as a Hypothesis strategy that shrinks."""
    return _history(Drawn(draw))


def _history(choices: Choices) -> list[Txn]:
    makers = (simulated_history, simulated_history, prefix_history, cycle_history, cycle_history)
    return makers[choices.below(len(makers))](choices)


def simulated_history(choices: Choices, *, level: str | None = None, bugs: Sequence[str] | None = None) -> list[Txn]:
    """What the clients of a simulated database of one of LEVELS, with none to two of BUGS, saw."""
    keys = "xyz"[: 1 + choices.below(3)]
    clients = _CLIENTS[choices.below(len(_CLIENTS))]
    programs = _programs(choices, keys, 2 + choices.below(9))
    if len(programs) < 10 and choices.below(2):
        programs.append([Op("r", key) for key in keys])
    return simulate(
        choices,
        programs,
        clients=clients,
        level=LEVELS[choices.below(len(LEVELS))] if level is None else level,
        bugs=[BUGS[choices.below(len(BUGS))] for _ in range(choices.below(3))] if bugs is None else bugs,
    )


def prefix_history(choices: Choices) -> list[Txn]:
    """Reads that each see some beginning of one arbitrary version order per key, now and then with a fault in it."""
    keys = "xyz"[: 1 + choices.below(3)]
    clients = _CLIENTS[choices.below(len(_CLIENTS))]
    programs = _programs(choices, keys, 2 + choices.below(9))
    as_written = {key: _appended(programs, key) for key in keys}
    orders = as_written if choices.below(2) else {key: shuffled(choices, as_written[key]) for key in keys}
    free_at = [0] * clients
    txns = []
    for row, program in enumerate(programs):
        client = choices.below(clients)
        start = max(free_at[client] + 1, row + choices.below(3))
        end = start + choices.below(6)
        free_at[client] = end
        earlier = programs[:row]
        ops = tuple(_arbitrary(choices, op, orders[op.key], len(_appended(earlier, op.key))) for op in program)
        txns.append(Txn(row, client, ops, any_status(choices), start, end))
    return _in_rows(txns)


def cycle_history(choices: Choices) -> list[Txn]:
    """Transactions that show a cycle of 2 to 6 chosen edges, up to two observers, sometimes an UNKNOWN among them.

    An edge T1 -> T2 has a key, mostly its own: ww both append; wr T1 appends, T2 reads; rw T1 reads, T2 appends.
    """
    kinds = _cycle(choices)
    programs: list[list[Op]] = [[] for _ in kinds]
    orders: dict[str, list[int]] = {}
    for row, kind in enumerate(kinds):
        following = programs[(row + 1) % len(kinds)]
        key = "uvwxyz"[row if choices.below(4) < 3 else 0]
        _show(kind, programs[row], following, key, orders.setdefault(key, []))
    for _ in range(choices.below(3)):
        programs.append([Op("r", key, list(order)) for key, order in orders.items() if choices.below(4) < 3])
    times = [*_times(choices, kinds), *[(1, 100)] * len(programs)]
    clients = _clients_of(kinds)
    txns = [
        Txn(
            id=row,
            client=clients.get(row, row),
            ops=tuple(program),
            status=Status.UNKNOWN if choices.below(24) == 23 else Status.OK,
            start=times[row][0],
            end=times[row][1],
        )
        for row, program in enumerate(programs)
    ]
    return _in_rows(txns)


def _in_rows(txns: Sequence[Txn]) -> list[Txn]:
    return [txn._replace(id=row) for row, txn in enumerate(sorted(txns, key=lambda one: one.start))]


def _cycle(choices: Choices) -> list[str]:
    """The kinds of the edges around a cycle: without rw, with one, with alternating or with adjacent ones."""
    shapes = ("..", "...", "r.", "r..", "r.r.", "r.r..", "r.r.r.", "rr", "rr.", "rr..")
    shape = shapes[choices.below(len(shapes))]
    kinds = ["rw" if edge == "r" else ("ww", "wr")[choices.below(2)] for edge in shape]
    order = ("", "session", "realtime")[choices.below(3)]
    if order and "." in shape:
        places = [place for place, edge in enumerate(shape) if edge == "."]
        kinds[places[choices.below(len(places))]] = order
    return kinds


def _show(kind: str, before: list[Op], after: list[Op], key: str, order: list[int]) -> None:
    """Add the operations that show one edge; `order` is the list at `key` so far."""
    if kind == "rw":
        before.append(Op("r", key, list(order)))
    if kind in {"ww", "wr"}:
        _append(before, key, order)
    if kind in {"ww", "rw"}:
        _append(after, key, order)
    if kind == "wr":
        after.append(Op("r", key, list(order)))


def _append(program: list[Op], key: str, order: list[int]) -> None:
    order.append(len(order) + 1)
    program.append(Op("append", key, order[-1]))


def _times(choices: Choices, kinds: Sequence[str]) -> list[tuple[int, int]]:
    """Everyone from 1 to 100, except that the two ends of the order edge follow each other."""
    times = [(1, 100) for _ in kinds]
    for row, kind in enumerate(kinds):
        if kind in {"session", "realtime"}:
            cut = 2 + choices.below(90)
            times[row], times[(row + 1) % len(kinds)] = (1, cut), (cut + 1 + choices.below(5), 100)
    return times


def _clients_of(kinds: Sequence[str]) -> dict[int, int]:
    """The rows that run on the client of the row before them."""
    return {(row + 1) % len(kinds): row for row, kind in enumerate(kinds) if kind == "session"}


def _programs(choices: Choices, keys: str, count: int) -> list[list[Op]]:
    """Operations yet without results; every append has an element of its own.

    In half of the histories a transaction either reads or makes one append, as it takes to show long forks.
    """
    programs: list[list[Op]] = []
    specialised = choices.below(2)
    element = 0
    for _ in range(count):
        program = []
        writes, reads = choices.below(2), 1 + choices.below(4)
        for _ in range(1 if specialised and writes else reads):
            key = keys[choices.below(len(keys))]
            if writes if specialised else choices.below(2):
                element += 1
                program.append(Op("append", key, element))
            else:
                program.append(Op("r", key))
        programs.append(program)
    return programs


def _appended(programs: Sequence[Sequence[Op]], key: str) -> list[int]:
    return [op.value for program in programs for op in program if op.kind == "append" and op.key == key]


def _arbitrary(choices: Choices, op: Op, order: Sequence[int], up_to_date: int) -> Op:
    """A read of the up-to-date beginning of the order (a length), of the one before it or of any."""
    if op.kind == "append":
        return op
    lengths = (up_to_date, up_to_date, max(up_to_date - 1, 0), choices.below(len(order) + 1))
    seen = list(order[: lengths[choices.below(len(lengths))]])
    fault = choices.below(24)
    if fault == 23:
        seen = shuffled(choices, seen)
    elif fault == 22:
        seen = [*seen, *seen[:1]]
    elif fault == 21:
        return Op("r", op.key, None if not seen else UNSEEN)
    return Op("r", op.key, seen)
