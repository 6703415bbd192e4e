"""For each mutant of the rule, the shortest schedule in which it differs from the engine."""

from __future__ import annotations

from engine.mutants import rule, versions

# Schedule, initial keys: the engine refuses somebody, the wrong reading commits what has no strict serial order.
ACCEPTS_TOO_MUCH: dict[type, tuple[str, str]] = {
    rule.OnlyTheSmallestOutEdge: ("r2z w1z c1 r3x r3y w4x c4 w2y c2 c3", ""),
    rule.OverwriterForItsOutEdge: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    rule.LargestOutEdge: ("s3yz d2z d1y s1x~ w3x c3 c2 c1", "y"),
    rule.StampAssigned: ("w4z d3y d2x c3 r4x r1x c4 c1 r2z c2", "x"),
    rule.NewestOverwriter: ("w2y r3y r2z c2 w1y c1 d3z c3", "z"),
    rule.StrictComparison: ("r3x r1y w1x w3y c1 c3", ""),
    rule.RangesForgotten: ("d4x r3x s4y~ c4 w3y c3", "x"),
    rule.MissingKeysForgotten: ("r3x r1y w1x w3y c1 c3", ""),
    rule.StampsDropped: ("r3x r1y w1x w3y c1 c3", ""),
    rule.ReadersWithoutWritesForgotten: ("r3x w2x c2 r1y c1 w3y c3", ""),
    rule.ReadersStampedBeforeTheirSnapshot: ("r3x w2x c2 r1y c1 w3y c3", ""),
    rule.ReadersWithoutWritesAccepted: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    rule.DeletesAreNoWrites: ("r2y d1y r1x w2x c2 c1", "y"),
    rule.DeletesLoseNoUpdate: ("w3x r1x d1x c3 c1", ""),
    rule.NoWriteConflicts: ("r3x w2x c2 w3x c3", ""),
    rule.OutEdgesForgotten: ("d3z w4x c3 r2x r4z c4 c2", "z"),
    rule.ForgetsTooEarly: ("r3x r1y w1x w3y c1 c3", ""),
    versions.IntermediateVersionsCollected: ("w2y r3y r2z c2 w1y c1 d3z c3", "z"),
    versions.RefusedCommitsLeaveVersions: ("w1y w2y c1 c2", ""),
    versions.JudgedAsSnapshotIsolation: ("r3x r1y w1x w3y c1 c3", ""),
    versions.RangeToItsLastKey: ("r1x w4x s4x~ c4 w1z c1", ""),
    versions.EmptyRangesForgotten: ("w1x s3xy r1z d3z c3 c1", "z"),
    versions.MissingKeysNotRead: ("r3x r1y w1x w3y c1 c3", ""),
}
# Schedule: the engine commits every one of these, the wrong reading refuses somebody.
REFUSES_TOO_MUCH: dict[type, str] = {
    rule.ReaderSnapshotIgnored: "s1xy w2x c2 r3y w4y c4 w1z c1 w3x c3",
    rule.OverwrittenKeysStamped: "r1x w2x c2 r3y w4y c4 w1z c1 w3x c3",
    versions.ReadersStampedAtTheNewestCommit: "r1x r3y w4y c4 c1 w3x c3",
}
