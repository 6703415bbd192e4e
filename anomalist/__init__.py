"""Anomalist: does a database keep its isolation promises?

The command line is `anomalist`; what it does is in `anomalist.suite` (run), `anomalist.recorded` (check, report)
and `anomalist.judging` for use from Python.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
