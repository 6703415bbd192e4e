"""Histories as other tools write them, one file for each format; `harness.interchange` is the entrance.

sessions.py                          what they have in common: sessions without time, and an implicit initial state
plume.py awdit.py dbcop.py cobra.py  registers: Plume, PolySI and AWDIT; AWDIT's tests; dbcop; Cobra
chronos.py                           transactions with the database's own timestamps
porcupine.py                         logs of single operations on registers and texts
detection.py                         which format a content is in

Nothing is imported here: the command line shows the names of the formats before it loads what reads them.
"""

from typing import Final

__all__ = ["FORMATS"]

FORMATS: Final = (
    "auto",
    "edn",
    "jsonl",
    "json",
    "plume",
    "awdit",
    "dbcop",
    "chronos",
    "porcupine",
    "dbcop-bincode",
    "cobra",
)
