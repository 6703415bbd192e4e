"""The streaming judge against the batch checker: the same findings from windows of any size, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from random import Random

import pytest
from oracle.choices import Seeded
from oracle.histories import random_history
from oracle.notation import txns as notation
from oracle.simulation import BUGS, simulate

from benchmarks.streaming import correct_windows
from checkers.lists.list_append import check_list_append
from checkers.streaming import StreamingJudge
from harness.build import build_history
from harness.history import Op, RunInfo, Status, Txn
from harness.level import Level

SEEDS = 2_000
LONG_SEEDS = 400
PARTS = 4

Named = dict[str, tuple[int, int]]


def ended(txns: Iterable[Txn]) -> list[Txn]:
    """The transactions as a stream: in the order of their ends, numbered."""
    in_order = sorted(txns, key=lambda txn: (txn.end, txn.start))
    return [txn._replace(id=number) for number, txn in enumerate(in_order)]


def windows(stream: Sequence[Txn], rng: Random, most: int) -> Iterator[tuple[list[Txn], int]]:
    """The stream cut at random, each window with the earliest start of all that is still to come."""
    at = 0
    while at < len(stream):
        size = rng.randint(1, most)
        later = stream[at + size :]
        yield list(stream[at : at + size]), min((txn.start for txn in later), default=1_000_000)
        at += size


def streamed(stream: Sequence[Txn], rng: Random, info: RunInfo) -> StreamingJudge:
    """A judge that took the whole stream, in windows of one transaction and of more, and kept few."""
    judge = StreamingJudge(info, recent=rng.choice((0, 0, 0, 2, 5)))
    for window, watermark in windows(stream, rng, rng.choice((1, 1, 3, 10))):
        judge.take(window, watermark)
    judge.end()
    return judge


def named(judge: StreamingJudge) -> Named:
    return {one.name: (one.count, len(one.txns)) for one in judge.sightings}


def long_history(seed: int) -> list[Txn]:
    """10 to 60 transactions of a simulated database, mostly of one that keeps some level."""
    rng = Random(seed)
    keys = rng.choice(("xy", "xyz", "stuvwxyz"))
    element = 0
    programs: list[list[Op]] = []
    for _ in range(rng.randint(10, 60)):
        ops = [Op("r", rng.choice(keys)) for _ in range(rng.randint(1, 4))]
        for place, op in enumerate(ops):
            if rng.random() < 0.5:
                element += 1
                ops[place] = Op("append", op.key, element)
        programs.append(ops)
    if rng.random() < 0.5:
        programs.append([Op("r", key) for key in keys])
    levels = ("serial", "snapshot", "unguarded snapshot", "stale snapshot", "forked snapshot", "read committed")
    bugs = [rng.choice(BUGS)] if rng.random() < 0.15 else []
    clients = rng.choice((1, 2, 3, 4, 6))
    return simulate(Seeded(seed), programs, clients=clients, level=rng.choice((*levels[:2], *levels)), bugs=bugs)


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    ("make", "seeds", "told_least", "accused_least"),
    [(random_history, SEEDS, 250, 90), (long_history, LONG_SEEDS, 25, 3)],
)
def test_windows_of_any_size_give_the_findings_of_the_batch(
    make: object, seeds: int, told_least: int, accused_least: int, part: int
) -> None:
    """Names, counts, lengths of witnesses and refuted levels are the batch's, unless the judge asks for the past.

    In every other part one append may overwrite another.
    """
    info = RunInfo(append="read-modify-write" if part % 2 else "atomic")
    told = accused = 0
    for seed in range(part, seeds, PARTS):
        stream = ended(make(seed))  # type: ignore[operator]
        judge = streamed(stream, Random(seed), info)
        if judge.past_needed:
            continue
        batch = check_list_append(build_history(stream, info))
        assert not batch.doubts
        assert named(judge) == {one.name: (one.count, len(one.txns)) for one in batch.anomalies}, seed
        assert judge.refuted == batch.refuted
        told += 1
        accused += bool(batch.anomalies)
    assert told >= told_least
    assert accused >= accused_least


def test_what_needs_the_past_is_no_clean_history_unless_an_outcome_was_unknown() -> None:
    """Where every outcome is known and nothing is wrong, bounded memory is enough, to the last transaction."""
    clean = 0
    for seed in range(150):
        stream = ended(txn for txn in long_history(seed) if txn.status is Status.OK)
        batch = check_list_append(build_history(stream))
        if batch.anomalies or batch.doubts:
            continue
        judge = StreamingJudge(RunInfo(), recent=0)
        for window, watermark in windows(stream, Random(seed), 4):
            judge.take(window, watermark)
        judge.end()
        assert (judge.past_needed, judge.sightings) == ("", ()), seed
        clean += 1
    assert clean >= 20


def test_a_correct_stream_is_judged_in_bounded_memory() -> None:
    """Of 200,000 transactions never more than 600 are in memory, and at the end no append is left to be read."""
    judge = StreamingJudge(RunInfo())
    most = unseen_most = 0
    longest: dict[int, int] = {}
    for window, watermark in correct_windows(200_000, ops_max=2):
        judge.take(window, watermark)
        most = max(most, judge.retained)
        unseen_most = max(unseen_most, judge.unseen)
        for op in (op for txn in window for op in txn.ops if op.kind == "append"):
            longest[op.key] = max(longest.get(op.key, 0), op.value)
    last = tuple(Op("r", key, list(range(1, length + 1))) for key, length in longest.items())
    judge.take([Txn(200_000, 99, last, Status.OK, watermark, watermark + 1)], watermark + 2)
    judge.end()
    assert (judge.past_needed, judge.sightings) == ("", ())
    assert 256 < most < 600
    # An append that nobody has read yet is remembered: one or two of each key that is no longer used.
    assert 1_000 < unseen_most < 2 * len(longest)
    assert judge.unseen == 0


def skewed(number: int, start: int) -> list[Txn]:
    """Two transactions that each missed the other's append to keys of their own: G2-item, and no more."""
    x, y = f"x{number}", f"y{number}"
    return [
        Txn(2 * number, 0, (Op("r", x, []), Op("append", y, 1)), Status.OK, start, start + 5),
        Txn(2 * number + 1, 1, (Op("r", y, []), Op("append", x, 1)), Status.OK, start + 1, start + 6),
    ]


def test_a_component_with_a_cycle_is_contracted_and_the_stream_goes_on() -> None:
    """Two hundred write skews one after another are all counted, and none is kept."""
    judge = StreamingJudge(RunInfo(), recent=4)
    for number in range(200):
        judge.take(skewed(number, 10 * number), 10 * number + 10)
        assert judge.retained <= 6
    (found,) = judge.sightings
    assert (found.name, found.count, found.kinds) == ("G2-item", 200, ("rw", "rw"))
    assert judge.past_needed == ""
    assert Level("repeatable-read") in judge.refuted
    assert Level("snapshot-isolation") not in judge.refuted


def test_a_cycle_is_sighted_in_the_window_that_closes_it() -> None:
    """The sighting is there before anything after it is taken."""
    first, second = skewed(0, 0)
    judge = StreamingJudge(RunInfo())
    judge.take([first], 1)
    assert judge.sightings == ()
    judge.take([second], 10)
    assert [(one.name, one.txns) for one in judge.sightings] == [("G2-item", (0, 1))]


def far_apart(ops: Op) -> list[tuple[list[Txn], int]]:
    """An append of 1 and of 2 to x, a thousand transactions on other keys, then one with this operation."""
    begin = [
        Txn(0, 0, (Op("append", "x", 1),), Status.OK, 0, 1),
        Txn(1, 0, (Op("append", "x", 2), Op("r", "x", [1, 2])), Status.OK, 2, 3),
    ]
    between = [Txn(2 + i, 0, (Op("append", f"y{i}", 1),), Status.OK, 10 + 2 * i, 11 + 2 * i) for i in range(1_000)]
    late = Txn(2_000, 1, (ops,), Status.OK, 5_000, 5_001)
    return [(begin, 10), (between, 5_000), ([late], 6_000)]


@pytest.mark.parametrize(
    ("op", "names"),
    [
        (Op("r", "x", [1]), {"lost-append", "G-single-item-realtime"}),
        (Op("r", "x", []), {"lost-append"}),
        (Op("r", "x", [2, 1]), {"incompatible-order"}),
        (Op("r", "x", [1, 2, 9]), {"garbage-read"}),
        (Op("r", "x", [1, 2, 2]), {"duplicate-elements"}),
        (Op("r", "x", [1, "2"]), {"garbage-read"}),
        (Op("r", "x", [1, 2.0]), {"garbage-read"}),
    ],
)
def test_whatever_contradicts_what_was_forgotten_is_noticed(op: Op, names: set[str]) -> None:
    """A late read that the retired past makes impossible asks for the past; a judge of the whole log agrees."""
    stream = far_apart(op)
    judge = StreamingJudge(RunInfo(), recent=10)
    for window, watermark in stream:
        assert judge.past_needed == ""
        judge.take(window, watermark)
    judge.end()
    assert judge.past_needed != ""
    assert judge.retained < 40
    batch = check_list_append(build_history([txn for window, _ in stream for txn in window]))
    assert names <= {one.name for one in batch.anomalies}


def test_an_element_appended_twice_is_noticed_however_late() -> None:
    """The same element appended to the same key again is no evidence, as in the batch."""
    judge = StreamingJudge(RunInfo(), recent=10)
    for window, watermark in far_apart(Op("append", "x", 1)):
        judge.take(window, watermark)
    assert judge.past_needed == "an element was appended to its key more than once"


def test_appends_that_were_never_read_have_their_order_checked_when_they_are() -> None:
    """Two pairs of retired appends that are found in contradicting orders make the past needed."""
    both = notation("ax1 ay1; ax2 ay2")
    pair = [txn._replace(id=number, client=number, start=0, end=5) for number, txn in enumerate(both)]

    def read(y: list[int]) -> str:
        judge = StreamingJudge(RunInfo(), recent=0)
        judge.take(pair, 10)
        assert judge.retained == 0
        assert judge.unseen == 4
        judge.take([Txn(9, 0, (Op("r", "x", [1, 2]), Op("r", "y", y)), Status.OK, 10, 11)], 20)
        return judge.past_needed

    assert read([1, 2]) == ""
    assert read([2, 1]) != ""


def test_a_writer_that_is_not_known_yet_is_waited_for() -> None:
    """A read of an append whose transaction has not ended is no accusation; without such a one it is."""
    reader = Txn(0, 0, (Op("r", "x", [1]),), Status.OK, 5, 6)
    writer = Txn(1, 1, (Op("append", "x", 1),), Status.OK, 1, 8)
    judge = StreamingJudge(RunInfo(), recent=0)
    judge.take([reader], 1)
    assert (judge.past_needed, judge.sightings, judge.retained) == ("", (), 1)
    judge.take([writer], 9)
    judge.end()
    assert (judge.past_needed, judge.sightings, judge.retained) == ("", (), 0)
    lonely = StreamingJudge(RunInfo(), recent=0)
    lonely.take([reader], 7)
    assert lonely.past_needed == "a transaction read an element of nobody who could have appended it"


def test_the_whole_log_as_one_window_is_where_a_judge_can_go_on() -> None:
    """After the past was needed for an append of unknown outcome, a new judge takes all of it and goes on."""
    unknown = Txn(0, 0, (Op("append", "x", 1),), Status.UNKNOWN, 0, 1)
    idle = [Txn(1 + i, 1, (Op("append", f"y{i}", 1),), Status.OK, 2 + 2 * i, 3 + 2 * i) for i in range(20)]
    reader = Txn(100, 1, (Op("r", "x", [1]),), Status.OK, 100, 101)
    judge = StreamingJudge(RunInfo(), recent=2)
    judge.take([unknown, *idle], 100)
    judge.take([reader], 102)
    assert judge.past_needed != ""
    again = StreamingJudge(RunInfo(), recent=2)
    again.take([unknown, *idle, reader], 102)
    again.take([Txn(101, 0, (Op("r", "x", [1]),), Status.OK, 103, 104)], 105)
    again.end()
    assert (again.past_needed, again.sightings) == ("", ())


def test_appends_found_against_real_time_need_the_past() -> None:
    """Two appends that were retired one after the other are found the other way round: G0-realtime in the batch."""
    windows_of_one = [
        [Txn(0, 0, (Op("append", "x", 1),), Status.OK, 0, 1)],
        [Txn(1, 1, (Op("append", "x", 2),), Status.OK, 10, 11)],
        [Txn(2, 0, (Op("r", "x", [2, 1]),), Status.OK, 20, 21)],
    ]
    judge = StreamingJudge(RunInfo(), recent=0)
    for number, window in enumerate(windows_of_one):
        assert judge.past_needed == ""
        judge.take(window, 10 * number + 5)
    assert judge.past_needed != ""
    batch = check_list_append(build_history([txn for window in windows_of_one for txn in window]))
    assert [one.name for one in batch.anomalies] == ["G0-realtime"]


def test_an_order_that_would_rename_a_contracted_cycle_needs_the_past() -> None:
    """A late read of what two transactions on a cycle appended makes a G1c of the G1c-realtime that was counted."""
    cycle = [
        Txn(0, 0, (Op("r", "y", [1]), Op("append", "x", 1)), Status.OK, 0, 1),
        Txn(1, 1, (Op("append", "y", 1), Op("append", "x", 2)), Status.OK, 5, 6),
    ]
    reader = Txn(2, 0, (Op("r", "x", [1, 2]),), Status.OK, 10, 11)
    judge = StreamingJudge(RunInfo(), recent=0)
    judge.take(cycle, 10)
    assert (set(named(judge)), judge.retained, judge.past_needed) == ({"G1c-realtime"}, 0, "")
    judge.take([reader], 20)
    assert judge.past_needed != ""
    assert [one.name for one in check_list_append(build_history([*cycle, reader])).anomalies] == ["G1c"]


def test_a_live_read_that_the_past_comes_to_contradict_needs_the_past() -> None:
    """Where an append may be overwritten, a later read shows a retired one that a live read of that length lacks."""
    window = [
        Txn(0, 0, (Op("append", "x", 1),), Status.OK, 0, 2),
        Txn(1, 1, (Op("append", "x", 2), Op("r", "x", [2])), Status.OK, 0, 4),
    ]
    judge = StreamingJudge(RunInfo(append="read-modify-write"), recent=0)
    judge.take(window, 3)
    assert (judge.retained, judge.unseen, judge.past_needed) == (1, 1, "")
    judge.take([Txn(2, 2, (Op("r", "x", [1]),), Status.OK, 5, 9)], 10)
    assert judge.past_needed == "a transaction reads a list that is not what its past has become"
    assert judge.sightings == ()
