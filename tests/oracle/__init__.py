"""Slow, obviously right judges of small histories, and small histories to hold the fast ones against.

small         what each transaction needs and leaves      executions    serial orders and snapshots, all tried
explanations  who was read from, all tried                graphs, weak  levels by dependency graphs and by axioms
verdicts      all of these, level by level                differential  a fast checker held against them
list_append   the judge of names of lists                 cycles        which cycle anomalies a graph holds
names         names of registers, all orders              witnesses, sure_orders   whether a witness holds
histories, simulation, abstract, spoiled, strata, exhaustive            makers of histories
notation      tiny histories in one string                choices       a seed, or Hypothesis
"""

from __future__ import annotations

__all__ = ["choices", "cycles", "histories", "list_append", "notation", "simulation"]
