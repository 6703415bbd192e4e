"""A slow, obviously right judge of list-append histories, and small histories to hold the fast one against.

list_append   the judge                          cycles      which cycle anomalies a graph holds
histories     makers of random histories         simulation  the database that one of them simulates
notation      tiny histories in one string       choices     a seed, or Hypothesis
"""

from __future__ import annotations

__all__ = ["choices", "cycles", "histories", "list_append", "notation", "simulation"]
