"""One client: its session, and the transaction that it takes through it, one action at a time.

The first action is begin with the first operation (databases take their snapshot there), then each operation
is one, then commit. A thread runs actions in a row; the step scheduler chooses between clients before each.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.history import KIND_CODE, Op, Status
from harness.program import Program, Rollback
from harness.recorder import Attempt, Lease, Recorder, Revoked
from harness.target import Aborted, Session
from harness.trouble import RunTrouble, described

__all__ = ["BROKEN_IN_A_ROW_MAX", "JUDGING", "OURS", "Client", "ProgramError", "Pulse"]

BROKEN_IN_A_ROW_MAX = 10
# What a pulse says while our own code runs: a workload that loops is not the target's fault.
OURS = frozenset({"a program", "the draw of a program"})
# What it says while a judge goes through what was recorded so far, which takes its time.
JUDGING = "the judge"


class Pulse:
    """Where a worker is: what it is doing, for which client, and since when (time.monotonic_ns)."""

    __slots__ = ("client", "doing", "since_ns")

    def __init__(self) -> None:
        self.client = -1
        self.doing = "start"
        self.since_ns = time.monotonic_ns()

    def beat(self, client: int, doing: str) -> None:
        """This client starts something that may never return."""
        self.since_ns = time.monotonic_ns()  # First, so that what begins now is never taken to last already.
        self.client = client
        self.doing = doing


class ProgramError(Exception):
    """A workload's program raised, or yielded what is no operation: our mistake, not the database's."""


class Client:
    """Takes programs through one session after another. `number` is its name in the history."""

    def __init__(
        self,
        number: int,
        *,
        connect: Callable[[], Session],
        recorder: Recorder,
        pulse: Pulse,
        pause: Callable[[int], None],
        renumber: Callable[[], int],
    ) -> None:
        """`pause` is called with the number of broken sessions in a row before the next one is opened.

        `renumber` gives the client's next number: what a database promises within a session ends with it.
        """
        self.number = number
        self.lease = Lease(number)
        self.pulse = pulse
        self.error = ""  # Of the last transaction that failed.
        self._connect = connect
        self._recorder = recorder
        self._pause = pause
        self._renumber = renumber
        self._first_number = number
        self._connected = False
        self._session: Session | None = None
        self._broken = 0
        self._program: Program | None = None
        self._attempt: Attempt | None = None
        self._next: Op | None = None

    @property
    def idle(self) -> bool:
        """Whether it has no program in hand."""
        return self._program is None

    def take(self, program: Program) -> None:
        """Give it the program of its next transaction."""
        assert self._program is None, "one transaction at a time"
        self._program = program

    def perform(self, program: Program) -> Status:
        """All actions of one transaction in a row."""
        self.take(program)
        while (status := self.advance()) is None:
            pass
        return status

    def advance(self) -> Status | None:
        """The next action; the status of the transaction when that was its last.

        Raises RunTrouble where the run must stop, and Revoked where this client was given up.
        """
        try:
            if self._attempt is None and not self._begin():
                return None
            if self._next is None:
                return self._commit()
            self._step(self._next)
        except Aborted as error:
            return self._fail(Status.ABORTED, described(error, with_type=False))
        except Rollback:
            return self._give_up("rolled back by its client")
        except ProgramError as error:
            self._give_up(str(error))
            raise
        except (RunTrouble, Revoked):
            raise
        except BaseException as error:  # noqa: BLE001  Some bindings raise outside Exception; only Aborted is sure.
            status = self._fail(Status.UNKNOWN, described(error))
            if self._session is not None:
                self._break(error)
            return status
        return None

    def close(self) -> None:
        """Close the session; what it raises then is of no interest to the history."""
        session, self._session = self._session, None
        if session is not None:
            self.pulse.beat(self.number, "the close of a session")
            _quietly(session, "close")

    def leave(self) -> None:
        """After the lease was revoked and the call came back: free what the transaction may hold, and close."""
        if self._session is not None:
            _quietly(self._session, "abort")
        self.close()

    def _begin(self) -> bool:
        """Start the transaction; False where nothing could be asked yet and it is to be tried again."""
        try:
            self._call("connect")
            if self._session is None:
                if self._connected:
                    self.number = self.lease.client = self._renumber()
                self._connected = True
                self._session = self._connect()
            self._attempt = self._recorder.begin(self.lease)
            self._call("begin")
            self._session.begin()
        except BaseException as error:
            if isinstance(error, Revoked) or (isinstance(error, Aborted) and self._attempt is not None):
                raise
            # Nothing was asked, so there is nothing to record: the program waits for the next session.
            self.lease.attempt = self._attempt = None
            self._break(error)
            return False
        self._next = self._resume(None)
        return True

    def _step(self, op: Op) -> None:
        attempt, session = self._attempt, self._session
        assert attempt is not None
        assert session is not None
        attempt.ask(op)
        self._call(op.kind)
        answer = session.step(op)
        value = answer.value
        if op.kind == "scan" and type(value) is not dict:
            raise TypeError(f"the adapter answered a scan with {type(value).__name__} instead of a dict")
        attempt.answer(op, value)
        self._next = self._resume(answer)

    def _commit(self) -> Status:
        assert self._session is not None
        self._recorder.intend(self.lease)
        self._call("commit")
        self._session.commit()
        timestamps: Callable[[], tuple[int, int] | None] | None = getattr(self._session, "timestamps", None)
        self._recorder.finish(self.lease, Status.OK, timestamps=timestamps() if timestamps is not None else None)
        self._broken = 0
        self._program = self._attempt = None
        return Status.OK

    def _call(self, doing: str) -> None:
        """Announce a call to the target; raises Revoked where it may not be made any more."""
        self.pulse.beat(self.number, doing)
        if self.lease.revoked:
            raise Revoked

    def _resume(self, answer: Op | None) -> Op | None:
        """The operation that the program wants next, None at its end."""
        assert self._program is not None
        self.pulse.beat(self.number, "a program")
        try:
            op = next(self._program) if answer is None else self._program.send(answer)
        except StopIteration:
            return None
        except Rollback:
            raise
        except Exception as error:
            raise ProgramError(f"a program raised {described(error)}") from error
        if not isinstance(op, Op) or op.kind not in KIND_CODE:
            raise ProgramError(f"a program yielded {type(op).__name__} {str(op)[:80]!a} instead of a known operation")
        return op

    def _fail(self, status: Status, error: str) -> Status:
        """The transaction is over without a commit that returned."""
        self.error = error
        self._recorder.finish(self.lease, status, error)
        self._drop_program()
        if status is Status.ABORTED:
            self._broken = 0
        self._abort()
        return status

    def _give_up(self, error: str) -> Status:
        """Roll back: commit was never called, so an abort that returns leaves nothing behind."""
        status = Status.ABORTED if self._abort() else Status.UNKNOWN
        self.error = error
        self._recorder.finish(self.lease, status, error)
        self._drop_program()
        return status

    def _abort(self) -> bool:
        """Abort what is open. A session that cannot even do that is not used again."""
        if self._session is None:
            return True
        self._call("abort")
        try:
            self._session.abort()
        except BaseException as error:  # noqa: BLE001  As in advance.
            self._break(error)
            return False
        return True

    def _drop_program(self) -> None:
        program, self._program, self._attempt, self._next = self._program, None, None, None
        if program is not None:
            _quietly(program, "close")

    def _break(self, error: BaseException) -> None:
        """The session is not to be trusted any more; the next transaction gets a new one."""
        self.close()
        self._broken += 1
        if self._broken >= BROKEN_IN_A_ROW_MAX:
            raise RunTrouble(
                f"the target fails: client {self._first_number} had {self._broken} broken sessions in a row, "
                f"at last with {described(error)}"
            )
        self._pause(self._broken)


def _quietly(owner: object, method: str) -> None:
    """Call it where the history is already written and nothing follows from the call, not even that it exists."""
    try:
        getattr(owner, method)()
    except BaseException:  # noqa: BLE001  As said.
        return
