"""Deliberate bugs: the catalogue of what the tests and the harness must find, each a small subclass.

`anomalist selftest` proves that each is found, by what its row names, and that the engine itself is never accused.
`anomalist run -t reference:mutant=NAME` runs a workload on one of them.

    rule        wrong readings of the rule in `engine.ssi`
    versions    versions, stamps and reads that are kept too short, recorded wrongly, or left behind
    storage     what a crash finds: commits that are lost, halved, or come back
    surface     calls that do not do what they say
    promises    what only the contract suite asks for
    models      data models that break their promises
    races       mistakes in the order of things between threads; scenarios of `engine.proof.threads.races` find them
    planting    a database class with one part replaced
"""

from __future__ import annotations

import inspect
from typing import Final, NamedTuple

from engine.collection import Collector
from engine.database import Database
from engine.mutants import models, promises, races, rule, storage, surface, versions
from engine.mutants.planting import planted
from engine.ssi import SerializableRule
from engine.store import Store
from engine.transaction import Transaction

__all__ = ["MUTANTS", "FoundBy", "Mutant", "planted"]


class FoundBy(NamedTuple):
    """What must find a mutant.

    instrument  workload: a stock workload at serializable     where: its name      what: anomalies, one is enough
                schedule: a fixed interleaving commits what no strict serial order explains
                refusal: a fixed interleaving in which it refuses somebody without need: no level is broken
                                                               where: the schedule  initial: keys that exist
                race: an order of threads breaks a scenario    where: the scenario
                crash: a database is not what it was           where: the crash, or several with "or"   what: kinds
                contract: a promise beside isolation           where: the check
                check: a check of the contract suite           where: its id, or a scenario and what: ids
    """

    instrument: str
    where: str
    what: tuple[str, ...] = ()
    initial: str = ""


class Mutant(NamedTuple):
    """One row: a name, the part of the engine that is wrong, and what must find it."""

    name: str
    part: type
    found_by: FoundBy

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        return (inspect.getdoc(self.part) or "").partition("\n\n")[0].replace("\n", " ")

    @property
    def breaks_serializability(self) -> bool:
        """Whether it lets transactions commit that no serial order explains, whatever else they do."""
        return self.found_by.instrument == "schedule" or bool(set(self.found_by.what) & _CYCLE_NAMES)

    @property
    def is_reached_by_workloads(self) -> bool:
        """Whether a workload on a database in memory can meet it at all."""
        return issubclass(self.part, SerializableRule | Collector | Store | Transaction)

    @property
    def database(self) -> type[Database]:
        """The engine with this part."""
        return planted(self.part)


def _workload(name: str, *anomalies: str) -> FoundBy:
    return FoundBy("workload", name, anomalies)


def _schedule(text: str, initial: str = "") -> FoundBy:
    return FoundBy("schedule", text, initial=initial)


def _refusal(text: str, initial: str = "") -> FoundBy:
    return FoundBy("refusal", text, initial=initial)


def _race(scenario: str) -> FoundBy:
    return FoundBy("race", scenario)


def _crash(crash: str, *kinds: str) -> FoundBy:
    return FoundBy("crash", crash, kinds)


def _contract(check: str) -> FoundBy:
    return FoundBy("contract", check)


def _check(scenario: str, *checks: str) -> FoundBy:
    return FoundBy("check", scenario, checks)


_CYCLE_NAMES: Final = frozenset({"G2-item", "G2", "lost-update"})
_WRITE_SKEW: Final = _workload("write-skew", "G2-item")
_CYCLES: Final = _workload("list-append", "G2-item", "G2-item-realtime", "G2-item-process")
_PREDICATES: Final = _workload("predicates", "G2-item", "G2")
_PHANTOM: Final = _workload("predicate-skew", "G2")

MUTANTS: Final[dict[str, Mutant]] = {
    mutant.name: mutant
    for mutant in (
        # What is judged at commit.
        Mutant("nothing-is-judged", rule.NothingIsJudged, _workload("counter", "lost-update")),
        Mutant("no-write-conflicts", rule.NoWriteConflicts, _workload("counter", "lost-update")),
        Mutant("judged-as-snapshot-isolation", versions.JudgedAsSnapshotIsolation, _WRITE_SKEW),
        Mutant(
            "only-the-smallest-out-edge",
            rule.OnlyTheSmallestOutEdge,
            _schedule("r2z w1z c1 r3x r3y w4x c4 w2y c2 c3"),
        ),
        Mutant("largest-out-edge", rule.LargestOutEdge, _CYCLES),
        Mutant("overwriter-for-its-out-edge", rule.OverwriterForItsOutEdge, _CYCLES),
        Mutant("newest-overwriter", rule.NewestOverwriter, _CYCLES),
        Mutant("strict-comparison", rule.StrictComparison, _WRITE_SKEW),
        Mutant("readers-accepted", rule.ReadersWithoutWritesAccepted, _CYCLES),
        Mutant("out-edges-forgotten", rule.OutEdgesForgotten, _CYCLES),
        Mutant("deletes-are-no-writes", rule.DeletesAreNoWrites, _PREDICATES),
        Mutant("deletes-lose-no-update", rule.DeletesLoseNoUpdate, _schedule("w3x r1x d1x c3 c1")),
        # What is remembered of it.
        Mutant("stamps-dropped", rule.StampsDropped, _WRITE_SKEW),
        Mutant("stamp-assigned", rule.StampAssigned, _schedule("w4z d3y d2x c3 r4x r1x c4 c1 r2z c2", "x")),
        Mutant("ranges-forgotten", rule.RangesForgotten, _PHANTOM),
        Mutant("missing-keys-not-stamped", rule.MissingKeysForgotten, _WRITE_SKEW),
        Mutant("readers-forgotten", rule.ReadersWithoutWritesForgotten, _CYCLES),
        Mutant("readers-stamped-too-low", rule.ReadersStampedBeforeTheirSnapshot, _CYCLES),
        Mutant("stamps-swept-too-early", rule.ForgetsTooEarly, _WRITE_SKEW),
        Mutant("range-to-its-last-key", versions.RangeToItsLastKey, _PREDICATES),
        Mutant("empty-ranges-not-read", versions.EmptyRangesForgotten, _PHANTOM),
        Mutant("missing-keys-not-read", versions.MissingKeysNotRead, _WRITE_SKEW),
        Mutant("savepoints-drop-reads", versions.SavepointsDropReads, _contract("savepoints")),
        # Versions.
        Mutant("intermediate-versions-collected", versions.IntermediateVersionsCollected, _CYCLES),
        Mutant("old-versions-dropped", versions.OldVersionsDropped, _workload("bank", "wrong-total")),
        Mutant("reads-the-newest", versions.ReadsTheNewest, _workload("long-fork", "long-fork")),
        Mutant("ttl-per-read", versions.TtlPerRead, _contract("ttl")),
        Mutant("aborts-leave-versions", versions.AbortsLeaveVersions, _workload("set", "G1a")),
        Mutant("refused-commits-leave-versions", versions.RefusedCommitsLeaveVersions, _workload("counter", "G1a")),
        Mutant(
            "refused-commits-acknowledged",
            versions.RefusedCommitsAcknowledged,
            _workload("counter", "lost-increment"),
        ),
        # Refusals without need: no level is broken.
        Mutant(
            "reader-snapshot-ignored", rule.ReaderSnapshotIgnored, _refusal("s1xy w2x c2 r3y w4y c4 w1z c1 w3x c3")
        ),
        Mutant(
            "overwritten-keys-stamped", rule.OverwrittenKeysStamped, _refusal("r1x w2x c2 r3y w4y c4 w1z c1 w3x c3")
        ),
        Mutant(
            "readers-stamped-at-their-end",
            versions.ReadersStampedAtTheNewestCommit,
            _refusal("r1x r3y w4y c4 c1 w3x c3"),
        ),
        Mutant(
            "refused-commits-leave-stamps",
            versions.RefusedCommitsLeaveStamps,
            _refusal("w1y r4y d2y c1 r2z w4z c2 c4"),
        ),
        # Threads.
        Mutant("skips-stamps-when-alone", races.SkipsStampsWhenAlone, _race("begin-against-commit")),
        Mutant("begins-outside-the-mutex", races.BeginsOutsideTheMutex, _race("begin-against-commit")),
        Mutant("chooses-then-registers", races.ChoosesThenRegisters, _race("pruning-against-new-snapshot")),
        Mutant("validates-outside-the-mutex", races.ValidatesOutsideTheMutex, _race("two-commits-on-one-key")),
        Mutant("close-acknowledges-the-queue", races.CloseAcknowledgesTheQueue, _race("close-against-commit")),
        Mutant("deferrable-does-not-wait", races.DeferrableDoesNotWait, _race("deferrable-against-pivot")),
        Mutant("last-writer-wakes-nobody", races.LastWriterWakesNobody, _race("deferrable-against-pivot")),
        Mutant("rotates-without-the-lead", races.RotatesWithoutTheLead, _race("checkpoint-against-commit")),
        Mutant("acknowledges-before-the-flush", races.AcknowledgesBeforeTheFlush, _race("group-commit")),
        Mutant("readers-do-not-wait", races.ReadersDoNotWait, _race("reader-against-flush")),
        Mutant(
            "acknowledges-followers-of-a-dead-leader",
            races.AcknowledgesFollowersOfADeadLeader,
            _race("dying-leader-sync"),
        ),
        Mutant("carries-on-after-a-failed-flush", races.CarriesOnAfterAFailedFlush, _race("dying-leader-write")),
        Mutant("dead-leader-wakes-nobody", races.DeadLeaderWakesNobody, _race("interrupted-leader")),
        # The disk.
        Mutant(
            "acknowledges-before-the-sync", storage.AcknowledgesBeforeTheSync, _crash("power loss", "lost commit")
        ),
        Mutant(
            "brings-deleted-keys-back",
            storage.BringsDeletedKeysBack,
            _crash("power loss", "half transaction", "resurrection"),
        ),
        Mutant("claims-to-be-synced", storage.ClaimsToBeSynced, _crash("power loss", "refused")),
        Mutant(
            "cuts-damage-silently", storage.CutsDamageSilently, _crash("flipped bit", "lost commit", "wrong place")
        ),
        Mutant("forgets-the-directory", storage.ForgetsTheDirectory, _crash("power loss", "lost commit")),
        Mutant("forgets-the-expiry", storage.ForgetsTheExpiry, _crash("power loss", "resurrection")),
        Mutant("forgets-the-failure", storage.ForgetsTheFailure, _crash("failing disk", "not poisoned")),
        Mutant("forgets-the-rename", storage.ForgetsTheRename, _crash("power loss", "refused")),
        Mutant("leaves-the-torn-tail", storage.LeavesTheTornTail, _crash("power loss", "refused", "resurrection")),
        Mutant("marks-the-close-too-early", storage.MarksTheCloseTooEarly, _crash("power loss", "refused")),
        Mutant("renames-before-the-sync", storage.RenamesBeforeTheSync, _crash("power loss", "refused")),
        Mutant(
            "replays-what-the-checkpoint-has",
            storage.ReplaysWhatTheCheckpointHas,
            _crash("power loss", "half transaction", "resurrection"),
        ),
        Mutant(
            "retries-the-failed-sync", storage.RetriesTheFailedSync, _crash("failing disk", "refused", "lost commit")
        ),
        Mutant("rotates-without-sync", storage.RotatesWithoutSync, _crash("power loss", "refused")),
        Mutant(
            "shows-before-the-sync",
            storage.ShowsBeforeTheSync,
            _crash("power loss or death of the process", "lost commit", "refused"),
        ),
        Mutant("splits-commits", storage.SplitsCommits, _crash("power loss", "half transaction")),
        # The surface.
        Mutant("nul-ends-the-path", surface.NulEndsThePath, _check("J3.1")),
        Mutant("empty-prefix-finds-nothing", surface.EmptyPrefixFindsNothing, _check("L2.1")),
        Mutant("placeholder-stats", surface.PlaceholderStats, _check("L1.1")),
        Mutant("with-transaction-missing", surface.WithTransactionMissing, _check("K1.2")),
        Mutant("ttl-ignored", surface.TtlIgnored, _check("K1.1")),
        Mutant("backups-not-verified", surface.BackupsAreNotVerified, _check("N1.2")),
        Mutant("first-of-a-batch-wins", promises.FirstOfABatchWins, _check("P1.5")),
        Mutant("closed-database-reads", promises.ClosedDatabaseReads, _check("J2 get")),
        Mutant("checkpoint-counts-nothing", promises.CheckpointCountsNothing, _check("L1.2")),
        Mutant("isolation-is-a-constant", promises.IsolationIsAConstant, _check("K1.5")),
        Mutant("never-a-dead-letter", promises.NeverADeadLetter, _check("D3.1")),
        Mutant("until-is-included", promises.UntilIsIncluded, _check("F1.3")),
        Mutant("cache-ttl-ignored", promises.CacheTtlIgnored, _check("G1.2")),
        Mutant("half-of-the-vectors", promises.HalfOfTheVectors, _check("H2.2")),
        Mutant("names-are-beginnings", promises.NamesAreBeginnings, _check("O1.3")),
        Mutant("codec-number-of-the-newest", surface.CodecNumberOfTheNewest, _contract("compression")),
        # Data models.
        Mutant("checks-then-claims", models.ChecksThenClaims, _workload("queue", "duplicate-claim")),
        Mutant("claims-hide-nothing", models.ClaimsHideNothing, _workload("queue", "duplicate-claim")),
        Mutant("acked-tasks-come-back", models.AckedTasksComeBack, _workload("queue-redelivery", "redelivered-task")),
        Mutant("stale-acks-are-taken", models.StaleAcksAreTaken, _workload("queue-redelivery", "stale-ack")),
        Mutant(
            "deleted-entries-are-found", models.DeletedEntriesAreFound, _workload("cache", "G-single-item-realtime")
        ),
        Mutant("deleted-nodes-leave-edges", models.DeletedNodesLeaveEdges, _workload("graph", "dangling-edge")),
        Mutant("ids-are-chosen-before", models.IdsAreChosenBefore, _check("C1", "C1.2", "C1.3")),
    )
}
