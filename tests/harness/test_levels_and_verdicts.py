"""Levels and their order, what follows from findings, and the two names of a finding."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from oracle.notation import txns

from checkers.catalogue import CATALOGUE, refutes
from harness.build import build_history
from harness.fingerprint import canonical_rotation, fingerprint, witness
from harness.history import RunInfo
from harness.level import IMPLIES, LEVELS, Level, implied_by, level, maximal, minimal, refuted_by
from harness.verdict import Anomaly, Doubt, Evidence, Findings, Outcome, RunResult, judge


def findings(*names: str, evidence: tuple[Evidence, ...] = (), doubts: tuple[Doubt, ...] = ()) -> Findings:
    anomalies = tuple(Anomaly(name=name, txns=(0,), steps=(), refutes=refutes(name), sentence="") for name in names)
    return Findings(
        checker="test",
        anomalies=anomalies,
        refuted=refuted_by(one for anomaly in anomalies for one in anomaly.refutes),
        searched=LEVELS,
        evidence=evidence,
        doubts=doubts,
    )


def test_implication_has_no_cycle_and_names_known_levels_only() -> None:
    """Every implied level has a row, and no level implies one that implies it back."""
    for name, (weaker, source) in IMPLIES.items():
        assert set(weaker) <= set(LEVELS)
        assert source
        for other in implied_by(name) - {Level(name)}:
            assert Level(name) not in implied_by(other)


@pytest.mark.parametrize(
    ("stronger", "weaker"),
    [
        ("serializable", "repeatable-read"),
        ("serializable", "snapshot-isolation"),
        ("snapshot-isolation", "read-committed"),
        ("strict-serializable", "read-your-writes"),
        ("strong-snapshot-isolation", "cursor-stability"),
        ("prefix", "causal-cerone"),
    ],
)
def test_a_level_implies_what_the_literature_says(stronger: str, weaker: str) -> None:
    """The closure of the table holds the implications that users rely on."""
    assert Level(weaker) in implied_by(stronger)


@pytest.mark.parametrize("strong", ["strong-snapshot-isolation", "strong-session-snapshot-isolation"])
def test_strong_snapshot_isolation_is_not_above_serializable(strong: str) -> None:
    """Write skew leaves the strong snapshot levels standing."""
    assert Level("serializable") not in implied_by(strong)
    assert Level(strong) not in refuted_by(["serializable"])


def test_maximal_and_minimal_keep_only_the_ends() -> None:
    """Of a set of levels the maximal are those that no other implies, the minimal those that imply no other."""
    names = ["read-committed", "snapshot-isolation", "repeatable-read", "read-uncommitted"]
    assert maximal(names) == ("repeatable-read", "snapshot-isolation")
    assert minimal(names) == ("read-uncommitted",)


def test_an_unknown_level_is_named_with_the_known_ones() -> None:
    """A level that does not exist is a ValueError whose text helps."""
    with pytest.raises(
        ValueError,
        match=r"'serialisable' \(did you mean serializable\?\); known levels: read-uncommitted, ",
    ):
        level("serialisable")


def test_every_anomaly_refutes_known_levels() -> None:
    """Every row of the catalogue refutes at least one level of the table, and names are unique."""
    assert len({row.name for row in CATALOGUE}) == len(CATALOGUE)
    for row in CATALOGUE:
        assert row.refutes
        assert set(row.refutes) <= set(LEVELS)


def test_a_refuted_expectation_fails_whatever_else_is_doubtful() -> None:
    """FAIL iff the expected level is refuted: neither doubts nor missing evidence hide it."""
    found = findings("G2-item", evidence=(Evidence("pairs", 0, 5),), doubts=(Doubt("budget", "cut short"),))
    verdict = judge(found, Level("serializable"))
    assert (verdict.outcome, verdict.reason, verdict.sentence) == (Outcome.FAIL, "", "G2-item: not serializable")


def test_an_allowed_anomaly_does_not_fail() -> None:
    """An anomaly that the expected level admits is listed and passes."""
    verdict = judge(findings("G2-item"), Level("snapshot-isolation"))
    assert verdict.outcome is Outcome.PASS
    assert verdict.allowed(verdict.findings.anomalies[0])


def test_a_doubt_is_unknown_with_its_reason() -> None:
    """A pass that the checker cannot vouch for is UNKNOWN."""
    verdict = judge(findings(doubts=(Doubt("evidence", "a client overlaps itself"),)), Level("serializable"))
    assert (verdict.outcome, verdict.reason) == (Outcome.UNKNOWN, "evidence")
    assert verdict.sentence == "a client overlaps itself"


def test_too_little_evidence_is_vacuous_unless_lenient() -> None:
    """A run that could not have shown anything is UNKNOWN vacuous; a foreign file passes with its counts shown."""
    found = findings(evidence=(Evidence("pairs", 3, 10), Evidence("reads", 7, 1)))
    strict = judge(found, Level("serializable"))
    assert (strict.outcome, strict.reason) == (Outcome.UNKNOWN, "vacuous")
    assert strict.sentence == "nothing was found, but nothing could have been: pairs 3 of 10 needed"
    assert judge(found, Level("serializable"), strict_evidence=False).outcome is Outcome.PASS


def test_a_troubled_or_interrupted_run_does_not_pass() -> None:
    """A run that met trouble is at least UNKNOWN, and a fail stays a fail."""
    history = build_history(txns("ax1"))
    passed, failed = judge(findings(), Level("serializable")), judge(findings("G0"), Level("serializable"))
    assert RunResult(history=history, verdicts=(passed,)).outcome is Outcome.PASS
    assert RunResult(history=history, verdicts=(passed,), trouble="hangs").outcome is Outcome.UNKNOWN
    assert RunResult(history=history, verdicts=(passed, failed), interrupted=True).outcome is Outcome.FAIL
    assert RunResult(history=history, verdicts=()).outcome is Outcome.UNKNOWN


def test_a_fingerprint_ignores_where_a_cycle_starts_and_who_ran_it() -> None:
    """Rotations of one cycle, other seeds, versions and settings share a fingerprint; suite and level do not."""
    info = RunInfo(suite="quick", target="db", level="serializable", workload="bank")
    same = RunInfo(
        suite="quick",
        target="db",
        level="serializable",
        workload="bank",
        seed=9,
        target_version="2",
        settings={"a": "b"},
    )
    one = fingerprint(info, "G-single", ("rw", "ww", "wr"))
    assert one == fingerprint(same, "G-single", ("wr", "rw", "ww"))
    assert one != fingerprint(info, "G-single", ("rw", "wr", "ww"))
    assert one != fingerprint(
        RunInfo(suite="other", target="db", level="serializable", workload="bank"), "G-single", ()
    )
    assert canonical_rotation(("ww", "rw", "wr")) == ("rw", "wr", "ww")


def test_the_canonical_rotation_is_the_smallest() -> None:
    """Of all cycles of up to seven steps of two kinds, whatever the start, the smallest rotation is given."""
    assert canonical_rotation(()) == ()
    for length in range(1, 8):
        for kinds in product(("rw", "wr"), repeat=length):
            turns = [kinds[i:] + kinds[:i] for i in range(length)]
            assert canonical_rotation(kinds) == min(turns)
    assert witness("G0", [1, "x"]) != witness("G0", [1, "y"])


def test_a_level_in_doubt_vouches_for_none_below_it() -> None:
    """A checker that decides serializable, but doubts it here, leaves what serializable implies undecided."""
    decided = (Level("serializable"), Level("read-committed"))
    sure = replace(findings(), decided=decided)
    doubted = replace(sure, doubts=(Doubt("budget", "not finished", (Level("serializable"),)),))
    for name, outcomes in {
        "consistent-view": (Outcome.PASS, Outcome.UNKNOWN),
        "read-committed": (Outcome.PASS, Outcome.PASS),
        "serializable": (Outcome.PASS, Outcome.UNKNOWN),
        "strict-serializable": (Outcome.UNKNOWN, Outcome.UNKNOWN),
    }.items():
        assert tuple(judge(one, Level(name)).outcome for one in (sure, doubted)) == outcomes, name
