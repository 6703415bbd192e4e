"""What a database was given, commit by commit, and therefore what it may hold after a crash.

commits   1  2  3  4  5  6          the contents after a crash are those after one of these: never in between
               └safe └acknowledged  a power loss may take 4 5 6, the death of the process only 6
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from engine.index import Expiring, Writes

__all__ = ["BackedUp", "Contents", "Ledger", "StoppedClock", "Wrong"]

Contents: TypeAlias = dict[bytes, bytes]
State: TypeAlias = dict[bytes, bytes | Expiring]
_SHOWN_LENGTH_MAX: Final = 12  # bytes of a value in a sentence


class StoppedClock:
    """A clock that stands still until somebody sets it."""

    def __init__(self, seconds: float = 1_000_000.0) -> None:
        self.seconds = seconds

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self.seconds


class Wrong(NamedTuple):
    """What is not allowed. `kind` is one of the names in `Ledger.explain`, "refused", "not poisoned" and others."""

    kind: str
    detail: str


class BackedUp(NamedTuple):
    """A backup in the directory `path`, whose making was begun, and `done` says whether also ended."""

    path: str
    state: State
    done: bool


class Ledger:
    """All commits in their order. `safe` survive a power loss, `acknowledged` the death of the process."""

    def __init__(self, clock: StoppedClock) -> None:
        self.clock = clock
        self.commits: list[Writes] = []
        self.safe = 0
        self.acknowledged = 0
        self.backups: list[BackedUp] = []
        self._states: list[State] = [{}]  # one more than commits
        self._dropped: list[Writes] = []

    def begin(self, writes: Writes) -> int:
        """A commit is about to be made; returns its number, the first is 1."""
        self.commits.append(writes)
        state = {**self._states[-1], **writes}
        self._states.append({key: value for key, value in state.items() if value is not None})
        return len(self.commits)

    def acknowledge(self, number: int, *, safe: bool) -> None:
        """Commit `number` and all before it were acknowledged; where `safe`, a power loss may not take them."""
        self.acknowledged = max(self.acknowledged, number)
        if safe:
            self.safe = max(self.safe, number)

    def restart(self, kept: int) -> None:
        """A database was opened that holds the first `kept` commits: these last, and the others are gone."""
        self._dropped += self.commits[kept:]
        del self.commits[kept:]
        del self._states[kept + 1 :]
        self.safe = self.acknowledged = kept

    def restarted(self, kept: int, clock: StoppedClock | None = None) -> Ledger:
        """A copy that went through `restart`, with another clock where one is given."""
        other = Ledger(clock if clock is not None else self.clock)
        other.commits, other._states = self.commits[:kept], self._states[: kept + 1]
        other.safe = other.acknowledged = kept
        other._dropped = self._dropped + self.commits[kept:]
        return other

    def give_up(self, writes: Writes) -> None:
        """A transaction that wrote this was aborted."""
        self._dropped.append(writes)

    def back_up(self, path: str) -> None:
        """A backup of everything committed is about to be made."""
        self.backups.append(BackedUp(path, self._states[-1], False))

    def backup_is_done(self) -> None:
        """The backup that was begun last is made."""
        self.backups[-1] = self.backups[-1]._replace(done=True)

    def due(self) -> Writes:
        """The deletions of what has ended: the database makes them by itself, in one commit."""
        state = self._states[-1]
        return dict.fromkeys(key for key in state if key not in self.shown(state))

    def contents(self, number: int) -> Contents:
        """What the first `number` commits show now."""
        return self.shown(self._states[number])

    def shown(self, state: State) -> Contents:
        """The values in a state that have not ended."""
        now = self.clock.seconds
        return {
            key: value if isinstance(value, bytes) else value.value
            for key, value in state.items()
            if isinstance(value, bytes) or value.expires_at > now
        }

    def match(self, found: Contents, least: int) -> int | None:
        """How many commits `found` is the outcome of, at least `least`; None where it is not allowed."""
        return next((n for n in range(len(self.commits), least - 1, -1) if self.contents(n) == found), None)

    def explain(self, found: Contents, least: int) -> Wrong:
        """What is wrong with contents that `match` does not allow."""
        earlier = next((n for n in range(least - 1, -1, -1) if self.contents(n) == found), None)
        if earlier is not None:
            return Wrong("lost commit", f"commit {earlier + 1} of {least} that had to last is gone")
        for number in range(len(self.commits), 0, -1):
            part = self._part_of(number, found)
            if part:
                return Wrong("half transaction", f"of commit {number} only {', '.join(map(repr, part))} is there")
        nearest = min(range(least, len(self._states)), key=lambda n: len(_difference(self.contents(n), found)))
        expected = self.contents(nearest)
        wrong = sorted(_difference(expected, found))
        detail = (
            f"after commit {nearest}, {wrong[0]!r} is {_brief(found, wrong[0])} and not {_brief(expected, wrong[0])}"
        )
        if any(self._was_written(key, found[key]) for key in wrong if key in found):
            return Wrong("resurrection", detail)
        return Wrong("lost value" if wrong[0] not in found else "garbage", detail)

    def _part_of(self, number: int, found: Contents) -> list[bytes]:
        """The keys of a commit that are there while its others are as before; none where it is there as a whole."""
        before, after = self.contents(number - 1), self.contents(number)
        there = _difference(before, found)
        if there < _difference(before, after) and all(found.get(key) == after.get(key) for key in there):
            return sorted(there)
        return []

    def _was_written(self, key: bytes, value: bytes) -> bool:
        written = [writes.get(key) for writes in self.commits + self._dropped]
        return any(value == (each.value if isinstance(each, Expiring) else each) for each in written)


def _difference(one: Contents, other: Contents) -> set[bytes]:
    """The keys that do not have the same value in both."""
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _brief(contents: Contents, key: bytes) -> str:
    value = contents.get(key)
    if value is None:
        return "absent"
    start = repr(value[:_SHOWN_LENGTH_MAX])
    return start if len(value) <= _SHOWN_LENGTH_MAX else f"{start} and {len(value) - _SHOWN_LENGTH_MAX} bytes more"
