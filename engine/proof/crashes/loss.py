"""What a search for lost commits finds, and what all such searches have in common."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

from engine.database import Database
from engine.proof.crashes.ledger import Wrong
from engine.proof.crashes.power_loss import Fate, told

__all__ = ["Loss", "Search"]


_LISTED_MAX: Final = 4  # changes in a sentence


class Loss(NamedTuple):
    """Something that was lost, or came back, or was refused, against the promise; enough to see it again.

    `crash` is "power loss", "second power loss", "death of the process", "failing disk", "flipped bit", or "none"
    where the database was wrong without any. It happened in the run of `seed` at its step number `step`, which is
    `name`; `kept` and `lost` are the changes that were not synced. It took `states` states to find.
    """

    crash: str
    kind: str
    detail: str
    seed: int
    step: int
    name: str
    kept: tuple[str, ...]
    lost: tuple[str, ...]
    states: int

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        fate = f", keeping {_listed(self.kept)}, losing {_listed(self.lost)}" if self.kept or self.lost else ""
        return f"{self.kind}: {self.detail} (run {self.seed}, {self.crash} at step {self.step}, {self.name}{fate})"


class Search:
    """A search through the run of one seed, which ends with the first loss or after `states_max` states."""

    def __init__(self, seed: int, database_class: type[Database], states_max: int) -> None:
        self.seed = seed
        self.states = 0
        self.loss: Loss | None = None
        self.database_class = database_class
        self.random = Random(seed)
        self._states_max = states_max

    @property
    def done(self) -> bool:
        """Whether there is nothing left to look for."""
        return self.loss is not None or self.states >= self._states_max

    def report(
        self,
        crash: str,
        wrong: Wrong,
        step: int,
        name: str,
        fate: Fate = (),
    ) -> None:
        """Keep the loss, if it is the first."""
        if self.loss is None:
            kept, lost = told(fate)
            self.loss = Loss(
                crash, wrong.kind, wrong.detail, self.seed, step, name, tuple(kept), tuple(lost), self.states
            )


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - _LISTED_MAX
    listed = [*names[:_LISTED_MAX], f"{more} more"] if more > 0 else names
    return ", ".join(listed) if listed else "nothing"
