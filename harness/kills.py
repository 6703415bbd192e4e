"""What a self-test found: which instrument caught which deliberate bug, after how much, and with what witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Attempt", "SelfTest", "Subject"]


class Subject(NamedTuple):
    """A mutant: what is wrong with it, and what must find it: an instrument, where it looks, and what it finds there.

    `what` are names of anomalies, of which one is enough; empty where the instrument knows one way to find only.
    """

    name: str
    sentence: str
    instrument: str
    where: str
    what: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One instrument set on one mutant, or on the engine itself where `mutant` is empty.

    `found` are the anomalies or reasons, empty where nothing was found. `amount` of `unit` had been tried by then.
    """

    mutant: str
    instrument: str
    where: str
    checker: str = ""
    found: tuple[str, ...] = ()
    amount: int = 0
    unit: str = "transactions"
    witness: str = ""
    sentence: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """All attempts on all mutants, and those on the engine itself, which must find nothing.

    `columns` are the instruments of the matrix in order; `seconds` is wall time, `clean_seconds` the part of it that
    the engine itself took.
    """

    subjects: Sequence[Subject]
    columns: Sequence[str]
    attempts: Sequence[Attempt]
    clean: Sequence[Attempt]
    seconds: float
    clean_seconds: float
    command: str
    interrupted: bool = False

    def kill_of(self, subject: Subject) -> Attempt | None:
        """The attempt that found the mutant as its row says; None where none did."""
        for attempt in self.attempts:
            its_own = attempt.mutant == subject.name and (attempt.instrument, attempt.where) == subject[2:4]
            if its_own and attempt.found and (not subject.what or set(subject.what) & set(attempt.found)):
                return attempt
        return None

    def attempt(self, mutant: str, column: str) -> Attempt | None:
        """What the instrument of a column made of a mutant; None where it was not set on it."""
        for attempt in self.attempts:
            if attempt.mutant == mutant and column in {attempt.where, attempt.instrument}:
                return attempt
        return None

    @property
    def survivors(self) -> list[Subject]:
        """The mutants that were not found by what their rows name."""
        return [subject for subject in self.subjects if self.kill_of(subject) is None]

    @property
    def accusations(self) -> list[Attempt]:
        """What was said against the engine itself."""
        return [attempt for attempt in self.clean if attempt.found]
