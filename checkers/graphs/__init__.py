"""Dependency graphs of whatever kind of data: their cycles, the names of these, and smallest witnesses."""
