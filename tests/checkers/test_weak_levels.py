"""Weak levels of registers: hand-made cases of each level, and random ones held against the definitions."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from itertools import permutations
from random import Random
from typing import NamedTuple

import numpy as np
import pytest

from checkers import compiling, register_kernels
from checkers.catalogue import closed_refutations
from checkers.registers import registers_of
from checkers.rw_register import weak_causal, weak_kernels, weak_witnesses
from checkers.rw_register.weak import WEAK_LEVELS, Weak, weak_anomalies, weak_level_holds
from harness.build import build_history
from harness.history import KIND_CODE, SCALAR, History, Op, RunInfo, Status, Txn
from harness.verdict import Anomaly, Step

OK, ABORTED, UNKNOWN = Status.OK, Status.ABORTED, Status.UNKNOWN
LEVELS = tuple(WEAK_LEVELS)
SESSION = "strong-session-"


def ops(text: str) -> tuple[Op, ...]:
    """`rx1` read x as 1, `rx-` as nothing, `wx1` wrote 1."""
    return tuple(Op(word[0], word[1], None if word[2:] == "-" else int(word[2:])) for word in text.split())


def sessions(*lines: str) -> History:
    """Each line a session, its transactions separated by |; `?` at the end of one: unknown, `!`: aborted."""
    txns = []
    for client, line in enumerate(lines):
        for number, text in enumerate(line.split("|")):
            word = text.strip()
            status = {"?": UNKNOWN, "!": ABORTED}.get(word[-1:], OK)
            txns.append(Txn(0, client, ops(word.rstrip("?!")), status, 100 * client + number, 10_000))
    return build_history(txns, RunInfo(clock="sessions"))


def judged(history: History) -> Weak:
    return weak_anomalies(registers_of(history))


def names(*lines: str) -> list[str]:
    found = judged(sessions(*lines))
    assert found.doubts == []
    return sorted(one.name for one in found.anomalies)


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ([], ["wx1", "rx1 wx2", "rx2"]),
        ([], ["wx1 wy1", "rx- ry-"]),
        # Read committed.
        (["G1c"], ["wx1 ry2", "wy2 rx1"]),
        (["G1c-process"], ["rx2 | wy1", "ry1 | wx2"]),
        ([], ["rx2 | wy1", "ry1", "wx2"]),
        # Monotonic atomic view: what an operation saw, later ones may not miss.
        (["OTV"], ["wx1 wy1", "wx2 ry1", "rx2 rx1"]),
        (["OTV"], ["wx1 wy1", "ry1 rx-"]),
        (["OTV-process"], ["wx1 | wx2 wy2", "ry2 rx1"]),
        ([], ["wx1", "wx2 wy2", "ry2 rx1"]),
        # Read atomic: in whatever order it read.
        (["fractured-read"], ["wx1 wy1", "rx- ry1"]),
        (["fractured-read"], ["wx1", "rx- rx1"]),
        (["fractured-read"], ["wx1", "wx2", "rx1 rx2"]),
        (["fractured-read"], ["wx1 wy1", "rx1 wx2 ry1 wy2", "ry1 rx2"]),
        (["fractured-read-process"], ["wx1 | rx-"]),
        (["fractured-read-process"], ["wx1 | wx2 | rx1"]),
        ([], ["wx1 | rx2", "wx2"]),
        # Causal consistency: over any number of steps.
        (["causality-violation"], ["wx1", "rx1 wx2", "rx2 wy1", "ry1 rx1"]),
        (["causality-violation"], ["wx1", "rx1 wy1", "ry1 rx-"]),
        (["causality-violation-process"], ["wx1 | wy1", "ry1 | rx-"]),
        (["causality-violation-process"], ["wx1 | wy1", "ry1 rx-"]),
        ([], ["wx1", "wy1", "ry1 | rx-"]),
        (["causality-violation"], ["wx1", "wx2", "rx1 wy1", "rx2 wz1", "ry1 rx2 wv1", "rz1 rx1 wu1"]),
        ([], ["wx1", "wy1", "rx1 ry-", "rx- ry1"]),  # A long fork is causal,
        ([], ["rx- wy1", "ry- wx1"]),  # and so is a write skew,
        ([], ["rx- wx1", "rx- wx2", "rx1"]),  # and a lost update.
    ],
)
def test_names(found: list[str], lines: list[str]) -> None:
    """Each anomaly is found by the name of the weakest level that it refutes, and nothing beside it."""
    assert names(*lines) == found


def test_a_circle_of_missed_causes_needs_no_sessions() -> None:
    """Two readers that each missed a cause of what they read, in opposite orders, contradict one another."""
    (found,) = judged(sessions("wx1 wy1", "wx2 wy2", "rx1 wz1", "ry2 wv1", "rz1 ry2", "rv1 rx1")).anomalies
    assert found.name == "causality-violation"
    assert [step[:4] for step in found.steps] == [("ww", 0, 1, "y"), ("ww", 1, 0, "x")]
    assert found.steps[0].sentence == (
        "T0 is a cause of T4 (T0 → T2 → T4), but T4 read y as 2, which T1 wrote, although T0 wrote it too. "
        "So T0 comes before T1."
    )


def test_the_session_form_is_found_beside_the_plain_one() -> None:
    """A cycle elsewhere that needs sessions has a name of its own, and each name counts its components."""
    lines = ["wx1 wy1", "rx- ry1", "wa1 wb1", "ra- rb1", "wu1 | ru-"]
    found = judged(sessions(*lines)).anomalies
    assert [(one.name, one.count, one.txns) for one in found] == [
        ("fractured-read", 2, (0, 1)),
        ("fractured-read-process", 1, (4, 5)),
    ]
    assert [step[:5] for step in found[1].steps] == [
        ("session", 4, 5, None, None),
        ("rw", 5, 4, "u", 1),
    ]
    assert found[1].steps[1].sentence == (
        "client 4 ran T4 before T5, but T5 read u as nothing, before T4 wrote 1 to it. So T5 comes before T4."
    )


def test_an_unknown_transaction_leads_nowhere_in_its_session() -> None:
    """What follows a transaction of unknown outcome need not see it, but what came before it precedes it."""
    assert names("wx1 ? | rx-", "rx1") == []
    assert names("wx1 | rx- wy1 ?", "ry1") == ["fractured-read-process"]
    assert names("wx1 | wz1 ? | rx-", "rz1") == ["fractured-read-process"]
    assert names("wx1 | rx- wy1 ?") == []


def test_reads_of_what_is_not_committed_force_nothing() -> None:
    """Reads of aborted, unwritten, own or future values are others' business."""
    assert names("wx1 wy1 !", "rx1 ry-") == []
    assert names("wx1 wy1", "rx7 ry1") == []
    assert names("wx1 wy1", "ry1 wx2 rx2") == []
    assert names("wx1 wy1", "ry1 rx2 wx2") == []


def test_an_intermediate_read_is_a_read_from_its_writer() -> None:
    """A value that its writer overwrote itself shows the writer all the same."""
    assert names("wx1 wx2 wy1", "rx1 ry-") == ["OTV"]


def test_what_one_scan_found_was_found_at_one_moment() -> None:
    """Of two keys in one scan neither was read earlier: no transaction vanished, though it was read in part."""
    txns = [Txn(0, 0, ops("wx1 wy1"), OK, 1, 9), Txn(0, 1, ops("rx1 wx2 ry1 wy2"), OK, 2, 9)]
    scan = Txn(0, 2, (Op("scan", ("x", "z"), {"x": 2, "y": 1}),), OK, 3, 9)
    assert [one.name for one in judged(build_history([*txns, scan])).anomalies] == ["fractured-read"]


# By definition


class Read(NamedTuple):
    op: int
    key: str
    writer: int  # -1: the version before the first write.


class Defined:
    """A history as the definitions see it."""

    def __init__(self, history: History) -> None:
        txns = list(history.txns())
        writer = {(op.key, op.value): txn.id for txn in txns for op in txn.ops if op.kind == "w"}
        reads: dict[int, list[Read]] = {txn.id: [] for txn in txns}
        for txn in txns:
            own: set[str] = set()
            for place, op in enumerate(txn.ops):
                source = -1 if op.value is None else writer.get((op.key, op.value), -2)
                if op.kind == "w":
                    own.add(op.key)
                elif op.key not in own and source != txn.id:
                    reads[txn.id].append(Read(place, op.key, source))
        self.committed = {txn.id for txn in txns if txn.status is OK}
        while True:
            sources = {one.writer for i in self.committed for one in reads[i]}
            more = {i for i in sources if i >= 0 and txns[i].status is UNKNOWN} - self.committed
            if not more:
                break
            self.committed |= more
        self.writes = {i: {op.key for op in txns[i].ops if op.kind == "w"} for i in self.committed}
        counted = self.committed | {-1}
        self.reads = {i: [one for one in reads[i] if one.writer in counted] for i in self.committed}
        self.wr = {(one.writer, i) for i in self.committed for one in self.reads[i] if one.writer >= 0}
        self.so = {
            (a, b)
            for a in self.committed
            for b in self.committed
            if a < b and txns[a].client == txns[b].client and txns[a].status is OK
        }

    def forced(self, level: str, session: bool) -> set[tuple[int, int]]:
        """(t2, t1): t2 must commit before t1, as the level's axiom has it; t1 is -1 for the initial state."""
        base = self.wr | (self.so if session else set())
        closed = closure(base)
        pairs = set()
        for reader in self.committed:
            for read in self.reads[reader]:
                met = {one.writer for one in self.reads[reader] if one.op < read.op}
                see = {
                    "read-committed": set(),
                    "monotonic-atomic-view": met,
                    "read-atomic": {a for a, b in base if b == reader},
                    "causal-cerone": {a for a, b in closed if b == reader},
                }[level]
                pairs |= {(t2, read.writer) for t2 in see - {read.writer, reader, -1} if read.key in self.writes[t2]}
        return pairs

    def holds(self, level: str, session: bool) -> bool:
        """Whether some order of all committed transactions keeps everything: tried one by one."""
        before = self.wr | (self.so if session else set()) | self.forced(level, session)
        return any(
            all(order.index(a) < order.index(b) for a, b in before)
            for one in permutations(sorted(self.committed))
            if (order := (-1, *one))
        )


def closure(pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    while True:
        more = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not more:
            return pairs
        pairs = pairs | more


def random_history(random: Random) -> History:
    """Up to six transactions in up to three sessions; each read sees anything ever written to its key."""
    keys = "xyz"[: random.randint(1, 3)]
    plan: list[tuple[int, list[tuple[str, str]]]] = [
        (random.randrange(3), [(random.choice("rrw"), random.choice(keys)) for _ in range(random.randint(1, 4))])
        for _ in range(random.randint(2, 6))
    ]
    number, written = 0, {key: [] for key in keys}
    values: list[list[int]] = []
    for _, steps in plan:
        values.append([])
        for kind, key in steps:
            number += 1
            values[-1].append(number)
            if kind == "w":
                written[key].append(number)
    seen_nothing = random.random() * 0.4
    txns = []
    for place, (client, steps) in enumerate(plan):
        line = tuple(
            Op(kind, key, value if kind == "w" else _seen(random, written[key], seen_nothing))
            for (kind, key), value in zip(steps, values[place], strict=True)
        )
        status = random.choices((OK, UNKNOWN, ABORTED), (10, 2, 1))[0]
        txns.append(Txn(0, client, line, status, place, 100))
    return build_history(txns, RunInfo(clock="sessions"))


def _seen(random: Random, written: list[int], seen_nothing: float) -> int | None:
    return random.choice(written) if written and random.random() > seen_nothing else None


def test_verdicts_are_those_of_the_definitions() -> None:
    """On 600 random histories each level, in both forms, is refuted iff no order of commits keeps its axiom."""
    random = Random(7)
    refuted = dict.fromkeys([*LEVELS, *(SESSION + level for level in LEVELS)], 0)
    for _ in range(600):
        history = random_history(random)
        disagreement = differences(history)
        assert disagreement == [], list(history.txns())
        for level in closed_refutations(one.name for one in judged(history).anomalies):
            if level in refuted:
                refuted[level] += 1
    assert min(refuted.values()) > 20, refuted


def differences(history: History) -> list[str]:
    """The levels on which the algorithm and the definition disagree."""
    registers, defined = registers_of(history), Defined(history)
    found = weak_anomalies(registers)
    assert found.doubts == []
    refuted = closed_refutations(one.name for one in found.anomalies)
    for one in found.anomalies:
        check_witness(defined, one)
    wrong = []
    for level in LEVELS:
        for session in (False, True):
            holds = defined.holds(level, session)
            if holds != ((SESSION if session else "") + level not in refuted):
                wrong.append(f"{level} {session}")
            if (session or level != "causal-cerone") and weak_level_holds(registers, level, session=session) != holds:
                wrong.append(f"{level} {session} alone")
    return wrong


LEVEL_OF = {name: level for level, name in WEAK_LEVELS.items()}


def check_witness(defined: Defined, found: Anomaly) -> None:
    """Each step of a witness is an edge that the definition gives, and no transaction comes twice."""
    level, session = LEVEL_OF[found.name.removesuffix("-process")], found.name.endswith("-process")
    forced = defined.forced(level, session)
    for step in found.steps:
        check_step(defined, level, session, forced, step)
    assert found.txns == tuple(step.before for step in found.steps)
    assert [step.after for step in found.steps] == [*found.txns[1:], found.txns[0]]
    assert len(set(found.txns)) == len(found.txns)


def missed_first_writes(defined: Defined, level: str, session: bool) -> Iterator[tuple[int, int]]:
    """(t2, reader): the reader saw the initial state of a key although it had to see t2's."""
    for reader in defined.committed:
        only = copy(defined)
        only.reads = {row: defined.reads[row] if row == reader else [] for row in defined.committed}
        yield from ((t2, reader) for t2, t1 in only.forced(level, session) if t1 == -1)


def check_step(defined: Defined, level: str, session: bool, forced: set[tuple[int, int]], step: Step) -> None:
    pair = (step.before, step.after)
    if step.kind == "wr":
        assert pair in defined.wr
    elif step.kind == "session":
        assert session
        assert pair in defined.so
    elif step.kind == "ww":
        assert pair in forced
    else:
        assert step.kind == "rw"
        assert (step.after, step.before) in set(missed_first_writes(defined, level, session))


# Large ones


def chain(txns: int, *, closed: bool) -> History:
    """Row i reads what row i - 1 wrote, in a session of its own; where `closed`, row 0 reads the last one's."""
    key = np.arange(txns, dtype=np.int32)
    read_key = np.roll(key, 1)
    value = read_key.astype(np.int64) + 1
    value[0] = txns if closed else 0
    return History(
        info=RunInfo(clock="sessions"),
        client=key.copy(),
        status=np.zeros(txns, dtype=np.int8),
        start=np.zeros(txns, dtype=np.int64),
        end=np.ones(txns, dtype=np.int64),
        error=np.full(txns, -1, dtype=np.int32),
        op_offset=2 * np.arange(txns + 1, dtype=np.int64),
        op_kind=np.tile(np.array([KIND_CODE["r"], KIND_CODE["w"]], dtype=np.int8), txns),
        op_key=np.column_stack((read_key, key)).ravel(),
        op_value=np.column_stack((value, key.astype(np.int64) + 1)).ravel(),
        op_length=np.full(2 * txns, SCALAR, dtype=np.int32),
        elements=np.empty(0, dtype=np.int32),
        keys=tuple(range(txns)),
        values=(None, *range(1, txns + 1)),
    )


def test_depth_is_no_matter() -> None:
    """A chain of 200,000 transactions is judged without recursion, and as a circle it is one G1c of all of them."""
    straight, circle = registers_of(chain(200_000, closed=False)), registers_of(chain(200_000, closed=True))
    assert [weak_level_holds(straight, level) for level in LEVELS[:3]] == [True, True, True]
    (found,) = weak_anomalies(circle).anomalies
    assert (found.name, found.count, len(found.steps)) == ("G1c", 1, 200_000)


def test_both_ways_of_running_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled kernels find in 40 random histories what interpreted ones find."""
    random = Random(11)
    histories = [random_history(random) for _ in range(40)]
    for module in (register_kernels, weak_kernels):
        for name in module.KERNELS:  # An earlier test may have had them compiled.
            monkeypatch.setattr(module, name, getattr(getattr(module, name), "py_func", getattr(module, name)))
    interpreted = [judged(history) for history in histories]
    monkeypatch.setattr(compiling, "COMPILE_ABOVE_OPS", 0)
    assert [judged(history) for history in histories] == interpreted


def test_what_the_budget_leaves_open_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where causal consistency is beyond the budget, that level and all above are in doubt, and nothing else is."""
    history = sessions("wx1 | wy1", "ry1 rx-")
    monkeypatch.setattr(weak_causal, "REACH_BUDGET", 0)
    found = judged(history)
    assert [one.name for one in found.anomalies] == ["causality-violation-process"]
    assert [(doubt.reason, doubt.levels) for doubt in found.doubts] == [("budget", ("causal-cerone",))]
    monkeypatch.setattr(weak_causal, "CLOCK_BUDGET", 0)
    assert judged(history).anomalies == []
    assert [(doubt.reason, doubt.levels) for doubt in judged(history).doubts] == [("budget", ("causal-cerone",))]


def test_a_search_that_was_ended_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no budget for a shorter cycle, one is shown all the same, with the words that a shorter one may exist."""
    monkeypatch.setattr(weak_witnesses, "SEARCH_BUDGET", 0)
    (found,) = judged(sessions("wx1 ry2", "wy2 rz3", "wz3 rx1")).anomalies
    assert (found.name, len(found.steps), found.details) == (
        "G1c",
        3,
        ("There may be a shorter circle: the search for it was ended by its budget.",),
    )
    monkeypatch.undo()
    assert judged(sessions("wx1 ry2", "wy2 rz3", "wz3 rx1")).anomalies[0].details == ()


def test_sessions_beyond_one_block_are_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks of two sessions at a time find what clocks of all of them find, on 200 random histories."""
    random = Random(13)
    histories = [random_history(random) for _ in range(200)]
    whole = [judged(history) for history in histories]
    monkeypatch.setattr(weak_causal, "BLOCK", 1)
    assert [judged(history) for history in histories] == whole
