"""One session of an interleaving and the transaction that it takes through, one step at a time.

Keys are stored behind a prefix of the performance's own, so that no performance meets what another one left.
All of it runs on the thread that carries out the session's calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from harness.client import ProgramError
from harness.history import UNSEEN, Op, Status, Txn
from harness.interleaving import ABORT, BEGIN, COMMIT, Action, Moment
from harness.program import Rollback
from harness.target import Aborted, Session
from harness.trouble import described

__all__ = ["Actor"]

_READS = frozenset({"r", "scan"})


class Actor:
    """Takes one transaction through one session. `client` is its number in the history."""

    def __init__(
        self, name: str, client: int, *, connect: Callable[[], Session], prefix: str, tick: Callable[[], int]
    ) -> None:
        """`tick` gives ascending numbers, the history's clock."""
        self.name = name
        self.status: Status | None = None  # None until its end.
        self.error = ""
        self._client = client
        self._connect = connect
        self._prefix = prefix
        self._tick = tick
        self._session: Session | None = None
        self._seen: dict[Any, Any] = {}
        self._ops: list[Op] = []
        self._asked: Op | None = None
        self._start = self._end = 0

    def connect(self) -> None:
        """Open the session."""
        self._session = self._connect()

    def take(self, step: str, action: Action) -> Moment:
        """Perform one step. Raises ProgramError where the script itself fails, and nothing the database raises."""
        done: list[Op] = []
        try:
            for op in self._operations(action):
                done.append(op)
        except Aborted as error:
            return self._ended(
                Moment(self.name, step, self._told(done), "refused", described(error, with_type=False))
            )
        except Rollback:
            self._give_up()
            return Moment(self.name, step, (*done, ABORT), "rolled back" if not self.error else "failed", self.error)
        except ProgramError:
            raise
        except BaseException as error:  # noqa: BLE001  Some bindings raise outside Exception; only Aborted is sure.
            return self._ended(Moment(self.name, step, self._told(done), "failed", described(error)))
        return Moment(self.name, step, tuple(done), "done")

    def txn(self) -> Txn | None:
        """The transaction as far as it is known; None where it never began."""
        if not self._start:
            return None
        status = Status.UNKNOWN if self.status is None else self.status
        end = self._end or self._tick()
        ops = tuple(op for op in self._told(self._ops) if op.kind not in {BEGIN.kind, COMMIT.kind})
        return Txn(0, self._client, ops, status, self._start, end, self.error)

    def close(self) -> None:
        """Give up what is open, and the session; what it raises then is of no interest any more."""
        try:
            if self._session is not None:
                if self._start and self.status is None:
                    self._give_up()
                self._session.close()
        except BaseException:  # noqa: BLE001  As said.
            return

    def _operations(self, action: Action) -> Iterator[Op]:
        """Ask for one operation of the step after the other, and give each out completed."""
        program = action(self._seen) if callable(action) else (op for op in action)
        answer: Op | None = None
        while (op := self._resumed(program, answer)) is not None:
            if not self._start:
                self._start = self._tick()
                self._open.begin()
            if op == ABORT:
                raise Rollback
            answer = self._answered(op)
            yield answer

    def _resumed(self, program: Any, answer: Op | None) -> Op | None:
        try:
            op = next(program) if answer is None else program.send(answer)
        except StopIteration:
            return None
        except Rollback:
            raise
        except Exception as error:
            raise ProgramError(f"a step of {self.name} raised {described(error)}") from error
        if not isinstance(op, Op):
            raise ProgramError(f"a step of {self.name} yielded {type(op).__name__} instead of an operation")
        return op

    def _answered(self, op: Op) -> Op:
        """One operation, completed; while it is not, `_asked` holds it."""
        self._asked, answer = op, op
        if op == COMMIT:
            self._open.commit()
            self._finish(Status.OK)
        elif op != BEGIN:
            found = self._open.step(op._replace(key=self._stored(op.key))).value
            answer = op._replace(value=self._shown(found) if op.kind == "scan" else found)
            self._seen[op.key] = answer.value
        self._asked = None
        self._ops.append(answer)
        return answer

    def _stored(self, key: Any) -> Any:
        return tuple(map(self._stored, key)) if isinstance(key, tuple) else self._prefix + key

    def _shown(self, found: Any) -> dict[Any, Any]:
        """A scan's answer under the script's own keys; a key without the prefix stays as it came."""
        if not isinstance(found, dict):
            raise TypeError(f"the adapter answered a scan with {type(found).__name__} instead of a dict")
        return {key.removeprefix(self._prefix) if isinstance(key, str) else key: found[key] for key in found}

    def _told(self, done: list[Op]) -> tuple[Op, ...]:
        """The completed operations, and the one without an answer."""
        if self._asked is None:
            return tuple(done)
        lost = self._asked._replace(value=UNSEEN) if self._asked.kind in _READS else self._asked
        return (*done, lost)

    def _ended(self, moment: Moment) -> Moment:
        """The database ended the transaction: surely without effect, or nobody knows how."""
        self._finish(Status.ABORTED if moment.outcome == "refused" else Status.UNKNOWN, moment.error)
        try:
            self._open.abort()
        except BaseException:  # noqa: BLE001  What the transaction did is told already, and nothing follows here.
            return moment
        return moment

    def _give_up(self) -> None:
        """Commit was never called, so an abort that returns leaves nothing behind."""
        try:
            self._open.abort()
        except BaseException as error:  # noqa: BLE001  As in take.
            self._finish(Status.UNKNOWN, described(error))
        else:
            self._finish(Status.ABORTED)

    def _finish(self, status: Status, error: str = "") -> None:
        self.status, self.error = status, error
        self._end = self._tick()

    @property
    def _open(self) -> Session:
        assert self._session is not None, "connect first"
        return self._session
