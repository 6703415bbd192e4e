"""The independent verifier of certificates: it accepts what brute force found, and refuses what was tampered with."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from oracle.abstract import CLOCKS, KINDS, abstract_history
from oracle.executions import Execution
from oracle.notation import notation, registers, txns
from oracle.small import small
from oracle.verdicts import Verdicts

from checkers.certificates import verify
from harness.build import build_history
from harness.history import UNSEEN, History, Op, Status, Txn
from harness.level import Level
from harness.verdict import Certificate

SERIAL = ("serializable", "strong-session-serializable", "strict-serializable")
SNAPSHOT = ("snapshot-isolation", "strong-session-snapshot-isolation", "strong-snapshot-isolation")
MODELS = ("serial", "prefix")


def certificate(level: str, order: Sequence[int], snapshot: Sequence[int] | None = None) -> Certificate:
    return Certificate(
        level=Level(level), order=np.array(order, int), snapshot=None if snapshot is None else np.array(snapshot, int)
    )


HOLDS: list[tuple[str, str, list[int], list[int] | None]] = [
    ("strict-serializable", "0 1-2 wx1; 1 3-4 rx1 wx2; 0 5-6 rx2", [0, 1, 2], None),
    ("serializable", "0 1-2 wx1; 1 3-4 rx", [1, 0], None),
    ("strong-session-serializable", "0 1-2 wx1; 1 3-4 rx", [1, 0], None),
    ("snapshot-isolation", "rx wy1; ry wx1", [0, 1], [0, 0]),
    ("strong-snapshot-isolation", "rx wy1; ry wx1", [1, 0], [0, 0]),
    ("snapshot-isolation", "wx1; rx1 wx2", [0, 1], None),
    ("serializable", "unknown wx1; rx", [1], None),
    ("serializable", "unknown wx1; rx1; aborted wx2", [0, 1], None),
    ("serializable", "wx1 rx1 wx2 rx2 dx rx; rx", [0, 1], None),
    ("serializable", "wa1 wc3; sac:a1 wb2 sac:a1,b2 da sac:b2; sad:b2,c3; sad?", [0, 1, 2, 3], None),
    ("strict-serializable", "0 1-2 unknown wx1; 1 3-4 rx; 1 5-6 rx1", [1, 0, 2], None),
]


@pytest.mark.parametrize(("level", "text", "order", "snapshot"), HOLDS)
def test_what_holds(level: str, text: str, order: list[int], snapshot: list[int] | None) -> None:
    """An order in which each transaction sees what it saw is accepted for the levels whose orders it keeps."""
    assert verify(build_history(registers(text)), certificate(level, order, snapshot)) == ""


REFUSED: list[tuple[str, str, list[int], list[int] | None, str]] = [
    ("serializable", "wx1; rx", [0, 1], None, "r of 'x' by T1 saw None, and in this order it finds 1"),
    ("serializable", "wx1; rx1", [1, 0], None, "r of 'x' by T1 saw 1, and in this order it finds None"),
    ("serializable", "wx1; rx1", [0], None, "T1 committed and is not in the order"),
    ("serializable", "wx1; rx1", [0, 1, 1], None, "T1 is in the order more than once"),
    ("serializable", "wx1; rx1", [0, 2], None, "a row in the order is none of the history"),
    ("serializable", "wx1; rx1", [-1, 0], None, "a row in the order is none of the history"),
    ("serializable", "aborted wx1; rx1", [0, 1], None, "T0 was aborted and is in the order"),
    ("serializable", "wx1; rx1", [0, 1], [0, 1], "snapshots are no proof of serializable"),
    ("read-committed", "wx1; rx1", [0, 1], None, "an order of transactions is no proof of read-committed"),
    ("strict-serializable", "0 1-2 wx1; 1 3-4 rx", [1, 0], None, "T1 does not see T0, which ended before it began"),
    (
        "strong-session-serializable",
        "0 1-3 wx1; 0 3-4 rx",
        [1, 0],
        None,
        "T1 does not see T0, which ended before it began in its session",
    ),
    ("snapshot-isolation", "rx wy1; ry wx1", [0, 1], [0], "there are not as many snapshots as transactions"),
    ("snapshot-isolation", "rx wy1; ry wx1", [0, 1], [0, 2], "the snapshot of T1 lies outside what precedes it"),
    ("snapshot-isolation", "rx wy1; ry wx1", [0, 1], [-1, 0], "the snapshot of T0 lies outside what precedes it"),
    ("snapshot-isolation", "rx wx1; rx wx2", [0, 1], [0, 0], "T1 writes 'x' and does not see that T0 wrote it"),
    (
        "snapshot-isolation",
        "wx1; rx dx; rx1",
        [0, 1, 2],
        [0, 0, 1],
        "T1 writes 'x' and does not see that T0 wrote it",
    ),
    ("snapshot-isolation", "wx1; rx1 ry", [0, 1], [0, 0], "r of 'x' by T1 saw 1, and in this order it finds None"),
    (
        "strong-snapshot-isolation",
        "0 1-2 wx1; 1 3-4 rx wy1",
        [0, 1],
        [0, 0],
        "T1 does not see T0, which ended before it began",
    ),
    (
        "serializable",
        "wa1; sac",
        [0, 1],
        None,
        "scan of ('a', 'c') by T1 saw {}, and in this order it finds {'a': 1}",
    ),
    ("serializable", "wa1; sac:a1,b2", [0, 1], None, "scan of ('a', 'c') by T1 saw {'a': 1, 'b': 2}"),
    ("serializable", "wx1 rx", [0], None, "r of 'x' by T0 saw None, and in this order it finds 1"),
]


@pytest.mark.parametrize(("level", "text", "order", "snapshot", "sentence"), REFUSED)
def test_what_does_not_hold(
    level: str, text: str, order: list[int], snapshot: list[int] | None, sentence: str
) -> None:
    """Whatever is wrong with a certificate is said in a sentence."""
    assert verify(build_history(registers(text)), certificate(level, order, snapshot)).startswith(sentence)


KINDS_OF_OPERATIONS = [
    (Op("incr", "n", (2, 2)), Op("incr", "n", (3, 5)), ""),
    (Op("incr", "n", (2, 2)), Op("incr", "n", (3, 3)), "incr of 'n' by T1 saw 3, and in this order it finds 5"),
    (Op("incr", "n", (2, None)), Op("r", "n", 2), ""),
    (Op("w", "x", 1), Op("cas", "x", (1, 2, True)), ""),
    (Op("w", "x", 1), Op("cas", "x", (3, 2, False)), ""),
    (Op("w", "x", 1), Op("cas", "x", (3, 2, True)), "cas of 'x' by T1 saw True, and in this order it finds False"),
    (Op("cas", "x", (None, 2, None)), Op("r", "x", 2), ""),
    (Op("w", "x", 1), Op("r", "x", True), "r of 'x' by T1 saw True, and in this order it finds 1"),
    (Op("w", "x", [1, 2]), Op("r", "x", [1, 2]), ""),
    (Op("append", "x", 1), Op("r", "x", [1]), ""),
    (Op("append", "x", 1), Op("r", "x", [1, 2]), "r of 'x' by T1 saw [1, 2], and in this order it finds [1]"),
    (Op("append", "x", 1), Op("r", "x", [True]), "r of 'x' by T1 saw [True], and in this order it finds [1]"),
    (Op("r", "x", []), Op("r", "x", None), ""),
    (Op("w", "x", 1), Op("append", "x", 2), "append of 'x' cannot be replayed"),
    (Op("w", "x", 1), Op("enqueue", "x", (1, 2)), "enqueue of 'x' cannot be replayed"),
    (Op("w", "aa", 1), Op("scan", "a", {"aa": 1}), ""),
    (Op("w", 3, 1), Op("scan", (2, 4), {3: 1}), ""),
    (Op("w", "x", 1), Op("r", "x", UNSEEN), ""),
]


@pytest.mark.parametrize(("first", "second", "sentence"), KINDS_OF_OPERATIONS)
def test_every_kind_of_operation(first: Op, second: Op, sentence: str) -> None:
    """Each kind that stores or reads is replayed, and what the history cannot tell is not compared."""
    history = build_history([Txn(row, row, (op,), Status.OK, 0, 9) for row, op in enumerate((first, second))])
    assert verify(history, certificate("serializable", [0, 1])) == sentence


def test_lists_under_snapshots() -> None:
    """A read of an old snapshot sees the list as it was, though it has grown since."""
    history = build_history(txns("ax1; ax2; rx1 ay1; rx1,2 ax3; rx1,2,3"))
    order = [0, 1, 2, 3, 4]
    assert verify(history, certificate("snapshot-isolation", order, [0, 1, 1, 2, 4])) == ""
    assert verify(history, certificate("snapshot-isolation", order, [0, 1, 2, 2, 4])) == (
        "r of 'x' by T2 saw [1], and in this order it finds [1, 2]"
    )
    assert verify(history, certificate("snapshot-isolation", order, [0, 0, 1, 2, 4])) == (
        "T1 writes 'x' and does not see that T0 wrote it"
    )


def proven(kind: str) -> Iterator[tuple[list[Txn], str, Execution]]:
    """Histories with what brute force says proves a level."""
    for model in MODELS:
        for seed in range(120):
            history = abstract_history(kind, model, seed, plain=bool(seed & 1), clock=CLOCKS[seed % len(CLOCKS)])
            verdicts = Verdicts(history)
            for level in (*SERIAL, *SNAPSHOT):
                found = verdicts.execution(level)
                if found is not None:
                    yield history, level, found


@pytest.mark.parametrize("kind", KINDS)
def test_what_brute_force_finds_is_accepted(kind: str) -> None:
    """Every execution that the search over all orders finds is a certificate that holds."""
    count = 0
    for history, level, found in proven(kind):
        snapshot = found.snapshot if level in SNAPSHOT else None
        assert verify(build_history(history), certificate(level, found.order, snapshot)) == "", notation(history)
        count += 1
    assert count > 500


@pytest.mark.parametrize("kind", KINDS)
def test_tampered_certificates(kind: str) -> None:
    """A certificate with a place or a snapshot changed is accepted iff the definition, tried by hand, accepts it."""
    rng = random.Random(0)
    accepted = refused = 0
    for history, level, found in proven(kind):
        order, snapshot = list(found.order), list(found.snapshot)
        if len(order) < 2:
            continue
        i, j = rng.randrange(len(order)), rng.randrange(len(order))
        if level in SNAPSHOT and rng.random() < 0.6:
            snapshot[i] = rng.randrange(i + 1)
        else:
            order[i], order[j] = order[j], order[i]
        said = verify(build_history(history), certificate(level, order, snapshot if level in SNAPSHOT else None))
        expected = holds(history, level, order, snapshot if level in SNAPSHOT else list(range(len(order))))
        assert (said == "") == expected, (said, level, order, snapshot, notation(history))
        accepted += expected
        refused += not expected
    assert accepted > 100
    assert refused > 200


def holds(history: Sequence[Txn], level: str, order: Sequence[int], snapshot: Sequence[int]) -> bool:
    """The definition, state by state."""
    facts = small(history)
    of_row = {txn.row: i for i, txn in enumerate(facts.txns)}
    kept = "realtime" if level in {"strict-serializable", "strong-snapshot-isolation"} else ""
    earlier = facts.earlier["session" if level.startswith("strong-session") else kept]
    states: list[dict[Any, Any]] = [{}]
    for place, row in enumerate(order):
        txn = facts.txns[of_row[row]]
        state, between = states[snapshot[place]], order[snapshot[place] : place]
        before = {of_row[one] for one in order[: snapshot[place]]}
        if not txn.consistent or any(
            earlier[of_row[row]] >> i & 1 and i not in before for i in range(len(facts.txns))
        ):
            return False
        if any(state.get(key, facts.nothing) != value for key, value in txn.needs.items()):
            return False
        if any(facts.txns[of_row[one]].leaves.keys() & txn.leaves.keys() for one in between):
            return False
        last = states[-1]
        added = {k: last.get(k, ()) + v for k, v in txn.leaves.items()} if facts.lists else txn.leaves
        states.append(last | added)
    return True


def test_an_answer_changed() -> None:
    """Whatever single answer of a committed transaction is changed in the history, its certificate fails."""
    changed = 0
    for seed in range(100):
        txns_of_seed = abstract_history("predicate", "serial", seed, plain=True, clock="true")
        found = Verdicts(txns_of_seed).execution("serializable")
        assert found is not None
        for history in changed_answers(txns_of_seed):
            assert re.match(r"(r|scan) of", verify(history, certificate("serializable", found.order)))
            changed += 1
    assert changed > 500


def changed_answers(history: Sequence[Txn]) -> Iterator[History]:
    for row, txn in enumerate(history):
        for place, op in enumerate(txn.ops):
            wrong: Any = {"r": 7777, "scan": {**(op.value or {}), "b": 7777} if op.kind == "scan" else None}.get(
                op.kind
            )
            if wrong is not None:
                ops = (*txn.ops[:place], op._replace(value=wrong), *txn.ops[place + 1 :])
                yield build_history([*history[:row], txn._replace(ops=ops), *history[row + 1 :]])


def test_an_empty_history() -> None:
    """No transactions need no order."""
    history = build_history([])
    assert verify(history, certificate("strict-serializable", [])) == ""
    assert verify(history, replace(certificate("serializable", []), level=Level("PRAM"))) == (
        "an order of transactions is no proof of PRAM"
    )
