"""The register solver: what it proves holds, what it refutes cannot be, and no refutation can be smaller."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from benchmarks.registers import cool_history, hot_history
from benchmarks.registers import random_history as shuffled_history
from checkers.certificates import verify
from checkers.registers import registers_of
from checkers.rw_register.solver import decide
from harness.build import build_history
from harness.history import History, Op, RunInfo, Status, Txn
from harness.level import Level
from harness.verdict import Anomaly, Certificate, Doubt
from tests.checkers.register_orders import LEVELS, allowed, among, forked_history, random_history, simulated_history

SER, SI, PSI = "serializable", "snapshot-isolation", "parallel-snapshot-isolation"


def history_of(*rows: tuple[int, int, int, str], unknown: tuple[int, ...] = ()) -> History:
    """Rows of (client, start, end, operations), operations as "wx1 rx1 ry" (ry: nothing was there)."""
    txns = []
    for row, (client, start, end, text) in enumerate(rows):
        words = [(word[0], word[1], int(word[2:]) if word[2:] else None) for word in text.split()]
        status = Status.UNKNOWN if row in unknown else Status.OK
        txns.append(Txn(row, client, tuple(Op(*word) for word in words), status, start, end))
    return build_history(txns, RunInfo(clock="positions", foreign=True))


def together(*rows: str) -> History:
    """Concurrent transactions of a client each."""
    return history_of(*((client, 0, 9, text) for client, text in enumerate(rows)))


def refutation(history: History, level: str) -> Anomaly:
    answer = decide(registers_of(history), Level(level))
    assert isinstance(answer, Anomaly)
    return answer


def told_of(anomaly: Anomaly) -> list[int]:
    """The rows of which an anomaly and its details speak."""
    sentences = (anomaly.sentence, *anomaly.details, *(step.sentence for step in anomaly.steps))
    return sorted({int(row) for sentence in sentences for row in re.findall(r"T(\d+)", sentence)})


def holds(history: History, level: str) -> bool:
    """Whether the level was proven; a proof has been verified."""
    answer = decide(registers_of(history), Level(level))
    assert not isinstance(answer, Doubt)
    if isinstance(answer, Certificate) and LEVELS[level][0] != "parallel":
        assert verify(history, answer) == ""
    return isinstance(answer, Certificate)


WRITE_SKEW = together("rx ry wx1", "rx ry wy2")
LONG_FORK = together("wx1", "wy2", "rx1 ry", "rx ry2")
LOST_UPDATE = together("wx1", "rx1 wx2", "rx1 wx3")
STALE_IN_SESSION = history_of((0, 0, 1, "wx1"), (0, 2, 3, "rx"))
STALE_IN_TIME = history_of((0, 0, 1, "wx1"), (1, 2, 3, "rx"))


@pytest.mark.parametrize(
    ("history", "kept"),
    [
        (together("wx1", "rx1"), set(LEVELS)),
        (WRITE_SKEW, {level for level in LEVELS if LEVELS[level][0] != "serial"}),
        (LONG_FORK, {PSI}),
        (LOST_UPDATE, set()),
        (STALE_IN_SESSION, {SER, SI, PSI}),
        (STALE_IN_TIME, {level for level in LEVELS if LEVELS[level][1] != "realtime"}),
        (together("wx1 rx2", "wx2"), set()),  # It did not see its own write.
        (together("rx1 wx1"), set()),  # It saw its own write before it made it.
        (together("wx1 wx2", "rx1"), set()),
        (together("rx7"), set()),
    ],
)
def test_hand_made_histories_keep_exactly_these_levels(history: History, kept: set[str]) -> None:
    """Write skew, a long fork, a lost update, stale and impossible reads are told apart by what they refute."""
    assert {level for level in LEVELS if holds(history, level)} == kept


@pytest.mark.parametrize("make", [random_history, simulated_history])
@pytest.mark.parametrize("chunk", range(5))
def test_every_verdict_is_that_of_trying_everything(make: Callable[..., History], chunk: int) -> None:
    """On small random histories each level is proven if and only if some order explains it."""
    for seed in range(chunk * 30, chunk * 30 + 30):
        history = make(seed)
        for level, (_, order) in LEVELS.items():
            if order != "realtime" or history.info.clock != "sessions":
                assert holds(history, level) == allowed(history, level), (seed, level)


def test_parallel_snapshot_isolation_is_told_from_snapshot_isolation() -> None:
    """With more transactions than all commit orders can be tried for, all version orders still can."""
    forks = 0
    for seed in range(200):
        history = forked_history(seed)
        parallel = holds(history, PSI)
        assert parallel == allowed(history, PSI), seed
        forks += parallel and not holds(history, SI)
    assert forks > 20


def test_a_contradiction_cannot_be_smaller() -> None:
    """The transactions of a refutation contradict one another, and any one left out the others do not."""
    looked_at = 0
    for seed in range(400):
        history = simulated_history(seed, txns_max=6)
        for level in (SER, "strong-session-serializable", SI):
            answer = decide(registers_of(history), Level(level))
            rows = told_of(answer) if isinstance(answer, Anomaly) else []
            if isinstance(answer, Anomaly) and answer.steps and len(rows) <= 5:
                (refuted,) = answer.refutes
                assert not allowed(among(history, rows), refuted, all_committed=True), seed
                for row in rows:
                    rest = among(history, [one for one in rows if one != row])
                    assert allowed(rest, refuted, all_committed=True), seed
                looked_at += 1
    assert looked_at > 50


def test_steps_lead_around() -> None:
    """A forced circle has a step from each transaction to the next and back, with its reason."""
    anomaly = refutation(WRITE_SKEW, SER)
    assert (anomaly.name, anomaly.txns) == ("no-serial-order", (0, 1))
    assert [(step.kind, step.before, step.after, step.key) for step in anomaly.steps] == [
        ("rw", 0, 1, "y"),
        ("rw", 1, 0, "x"),
    ]
    assert anomaly.steps[0].sentence == ("T0 read y as nothing, which T1 replaced by 2. So T0 comes before T1.")
    assert anomaly.details == ()


def test_whoever_the_argument_needs_is_named() -> None:
    """Where others show the order of two writers, the circle is of the two, and the sentence names all of them."""
    anomaly = refutation(together("wx3 wy4", "wx5 wy6", "rx3 wx7", "rx7 ry6"), PSI)
    assert [(step.kind, step.before, step.after) for step in anomaly.steps] == [("ww", 0, 1), ("ww", 1, 0)]
    assert anomaly.txns == (0, 1)
    assert anomaly.sentence.endswith("explains what it saw: T0, T1, T2, T3.")
    assert "T0 wrote y before T1" in [line.partition(",")[0] for line in anomaly.details]


def test_an_either_or_is_told_with_both_its_cases() -> None:
    """Where neither order of two writers is possible and neither is known, the details argue both, without steps."""
    writers = ("wa1 wm1", "wa2 wn1", "wc1 wp1", "wc2 wq1")
    readers = ("ra1 rp1 rq1", "ra2 rp1 rq1", "rc1 rm1 rn1", "rc2 rm1 rn1")
    anomaly = refutation(together(*writers, *readers), SER)
    assert (anomaly.txns, anomaly.steps) == ((0, 1, 2, 3, 4, 5, 6, 7), ())
    cases = [line for line in anomaly.details if line.strip().startswith(("Either", "Or"))]
    assert cases == ["  Either T0 wrote a before T1:", "  Or T1 wrote a before T0:"]


@pytest.mark.parametrize(
    ("history", "level", "name"),
    [
        (WRITE_SKEW, "strict-serializable", "no-serial-order"),
        (STALE_IN_SESSION, "strict-serializable", "no-serial-order-process"),
        (STALE_IN_TIME, "strict-serializable", "no-serial-order-realtime"),
        (STALE_IN_TIME, "strong-snapshot-isolation", "no-snapshot-order-realtime"),
        (LONG_FORK, "strong-session-snapshot-isolation", "no-snapshot-order"),
        (LOST_UPDATE, PSI, "no-parallel-snapshot-order"),
    ],
)
def test_a_refutation_is_named_by_the_order_that_it_needs(history: History, level: str, name: str) -> None:
    """Asked about a strong level, the weakest suffix is given that the contradiction found needs."""
    assert refutation(history, level).name == name


def test_an_unknown_transaction_counts_once_somebody_read_it() -> None:
    """It may have committed at any time after its start: not before, and not at all while nobody saw it."""
    late = history_of((0, 0, 1, "wx1"), (1, 2, 3, "rx"), (2, 4, 5, "rx1"), unknown=(0,))
    assert holds(late, "strict-serializable")
    unseen = history_of((0, 0, 1, "wx1 ry7"), (1, 2, 3, "rx"), unknown=(0,))
    assert holds(unseen, "strict-serializable")
    early = history_of((0, 0, 1, "rx1"), (1, 2, 3, "wx1"), unknown=(1,))
    assert not holds(early, "strict-serializable")
    assert holds(early, SER)
    across = history_of((0, 0, 1, "wx1"), (0, 2, 3, "wy2"), (0, 4, 5, "rx"), (1, 6, 7, "ry2"), unknown=(1,))
    assert not holds(across, "strong-session-serializable")


def test_a_spent_budget_is_a_doubt_about_this_level_alone() -> None:
    """With too few steps nothing is claimed; the sentence says how many there were."""
    answer = decide(registers_of(shuffled_history(60)), Level(SER), budget=10)
    sentence = "whether serializable allows this history was not decided within 10 steps"
    assert answer == Doubt("budget", sentence, (Level(SER),))


def test_values_written_twice_are_no_evidence() -> None:
    """The doubt of the registers is passed on, for the level asked for."""
    answer = decide(registers_of(together("wx1", "wx1", "rx1")), Level(SER))
    assert isinstance(answer, Doubt)
    assert (answer.reason, answer.levels) == ("evidence", (Level(SER),))


@pytest.mark.parametrize("level", [level for level in LEVELS if level != "strict-serializable"])
@pytest.mark.parametrize("seed", range(3))
def test_an_order_unlike_time_is_found(seed: int, level: str) -> None:
    """A serial order that nothing but reads tells of is found where no order of sessions or time must be kept."""
    history = shuffled_history(80, seed=seed)
    assert holds(history, level) or LEVELS[level][1] != ""


def test_larger_histories_of_a_correct_database_are_proven() -> None:
    """With many keys, and with few that all transactions write."""
    assert holds(cool_history(400), "strict-serializable")
    assert holds(hot_history(300, keys=3), "strict-serializable")
