"""The fast checker against the slow oracle, which was written from the definitions without seeing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from checkers import kernels
from checkers.list_append import check_list_append
from harness.build import build_history
from harness.history import Txn
from harness.verdict import Findings
from oracle.histories import histories, random_history
from oracle.list_append import oracle

SEEDS = 3_000
SEEDS_COMPILED = 600
PARTS = 6


def assert_agreement(txns: Sequence[Txn]) -> None:
    """The same names with the same counts and witness lengths, and the same doubts about the evidence."""
    expected = oracle(txns)
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


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(histories())
def test_fast_checker_and_oracle_agree_on_whatever_hypothesis_finds(txns: list[Txn]) -> None:
    """The same on histories that Hypothesis makes, so that a difference shrinks to its smallest form."""
    assert_agreement(txns)


@pytest.fixture
def compiled_kernels() -> Iterator[None]:
    """The kernels compiled, and back again afterwards."""
    interpreted = {name: getattr(kernels, name) for name in kernels.KERNELS}
    kernels.compile_kernels()
    yield
    for name, function in interpreted.items():
        setattr(kernels, name, function)


@pytest.mark.usefixtures("compiled_kernels")
def test_compiled_kernels_agree_with_the_oracle_too() -> None:
    """The one source of the kernels gives the same answers when it is compiled."""
    assert hasattr(kernels.tarjan, "py_func")
    for seed in range(SEEDS_COMPILED):
        assert_agreement(random_history(100_000 + seed))
