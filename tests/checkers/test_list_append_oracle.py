"""The fast checker against the slow oracle, which was written from the definitions without seeing it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from oracle.cycles import PHENOMENA, Phenomenon, closed_upward
from oracle.histories import histories, random_history
from oracle.list_append import TooManyOrders, oracle, oracle_every_order
from oracle.notation import txns as notation

from checkers.graphs import kernels
from checkers.lists import list_append, list_kernels, phenomena_kernels
from checkers.lists.list_append import check_list_append
from harness.build import build_history
from harness.history import Txn
from harness.verdict import Findings
from tests.checkers.compiled import compiled

SEEDS = 3_000
SEEDS_OF_ORDERS = 1_600
SEEDS_COMPILED = 600
PARTS = 6
MODULES = (kernels, list_kernels, phenomena_kernels)


def assert_agreement(txns: Sequence[Txn]) -> None:
    """By the edges that are certain: the same names, counts, witness lengths and doubts about the evidence."""
    expected = oracle(txns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_append, "open_orders", lambda seen: [])
        found = check_list_append(build_history(txns))
    cycles = {one.name: (one.count, len(one.steps)) for one in found.anomalies if one.steps}
    others = {one.name for one in found.anomalies if not one.steps}
    assert cycles == dict(expected.cycles)
    assert others == set(expected.others)
    assert bool(found.doubts) == bool(expected.evidence)
    assert_witnesses_hold(found)


def assert_witnesses_hold(findings: Findings) -> None:
    """Each step leads to the next transaction and the last one back to the first; none is visited twice."""
    for anomaly in findings.anomalies:
        if anomaly.steps:
            after = [step.after for step in anomaly.steps]
            assert [step.before for step in anomaly.steps] == list(anomaly.txns)
            assert after == [*anomaly.txns[1:], anomaly.txns[0]]
            assert len(set(anomaly.txns)) == len(anomaly.txns)


@pytest.mark.parametrize("part", range(PARTS))
def test_fast_checker_and_oracle_agree_on_random_histories(part: int) -> None:
    """On thousands of seeded histories both give the same anomaly names, counts and witness lengths."""
    for seed in range(part, SEEDS, PARTS):
        assert_agreement(random_history(seed))


def test_a_name_is_reported_iff_every_order_of_the_unseen_appends_gives_it() -> None:
    """Where no read decides an order, the names found are those that brute force finds under every order."""
    order_mattered = 0
    for seed in range(SEEDS_OF_ORDERS):
        txns = random_history(seed)
        try:
            expected = oracle_every_order(txns)
        except TooManyOrders:
            continue
        findings = check_list_append(build_history(txns))
        names = {one.name for one in findings.anomalies if one.steps}
        assert at_least(names) == at_least(expected)
        assert_witnesses_hold(findings)
        order_mattered += at_least(oracle(txns).cycles) != at_least(expected)
    assert order_mattered >= 5


def at_least(names: Iterable[str]) -> set[Phenomenon]:
    """These names and all that they cover."""
    smallest = {one.name: one for one in reversed(PHENOMENA)}
    return closed_upward(smallest[name] for name in names)


def test_two_appends_that_nobody_saw_refute_snapshot_isolation_in_either_order() -> None:
    """T1{r y, append z 1, append x 1}, T2{r z, append y 2, append x 2}: whichever came first, one update was lost."""
    history = build_history(notation("ry az1 ax1; rz ay2 ax2"))
    (anomaly,) = check_list_append(history).anomalies
    assert anomaly.name == "G-single-item"
    assert {step.kind for step in anomaly.steps} == {"ww", "rw"}
    (assumed,) = [step.sentence for step in anomaly.steps if step.kind == "ww"]
    assert assumed == (
        "no read shows whether T1 or T0 appended to x first; "
        "this is one of the orders, each of which has such a cycle. So T1 comes before T0."
    )


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(histories())
def test_fast_checker_and_oracle_agree_on_whatever_hypothesis_finds(txns: list[Txn]) -> None:
    """The same on histories that Hypothesis makes, so that a difference shrinks to its smallest form."""
    assert_agreement(txns)


@pytest.fixture
def compiled_kernels() -> Iterator[None]:
    """The kernels compiled, and back again afterwards."""
    with compiled(*MODULES):
        yield


@pytest.mark.usefixtures("compiled_kernels")
def test_compiled_kernels_agree_with_the_oracle_too() -> None:
    """The one source of the kernels gives the same answers when it is compiled."""
    assert hasattr(kernels.tarjan, "py_func")
    for seed in range(SEEDS_COMPILED):
        assert_agreement(random_history(100_000 + seed))
