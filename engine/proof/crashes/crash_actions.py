"""What can happen in a generated run: a table of actions, each a function of the run and a weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.index import Expiring
from engine.isolation import IsolationLevel
from engine.proof.crashes.crash_run import Action, Run
from engine.transaction import Transaction

__all__ = ["ACTIONS", "BACKUPS", "CRASHES"]

# Few lengths, so that a later record often has exactly the length of one that was lost.
_LENGTHS: Final = (0, 1, 8, 8, 60, 60, 470, 700, 1_500)
_LARGE_LENGTHS: Final = (5_000, 70_000, 100_000)
_KEYS: Final = (b"a", b"b", b"\0", b"key four", b"k" * 40)
_TTL_SECONDS: Final = (1, 10, 30)
_GUESTS_MAX: Final = 3
BACKUPS: Final = "/backups"


def put(run: Run) -> None:
    """One put."""
    key, value = _key(run), _value(run)
    run.commit({key: value}, lambda: run.opened.put(key, value))


def put_ending(run: Run) -> None:
    """One put of a value that ends."""
    key, value, seconds = _key(run), _value(run), run.random.choice(_TTL_SECONDS)
    ending = Expiring(value, run.clock.now() + seconds)
    run.commit({key: ending}, lambda: run.opened.put(key, value, ttl_seconds=seconds))


def pass_time(run: Run) -> None:
    """The clock goes on, or is set back."""
    run.clock.seconds += run.random.choice((1, 10, 40, -5))
    run.let_end()


def put_large(run: Run) -> None:
    """One put of many sectors."""
    key, value = _key(run), _value(run, _LARGE_LENGTHS)
    run.commit({key: value}, lambda: run.opened.put(key, value))


def delete(run: Run) -> None:
    """One deletion, of something or nothing."""
    key = _key(run)
    run.commit({key: None}, lambda: run.opened.delete(key))


def put_batch(run: Run) -> None:
    """Several puts in one commit."""
    pairs = [(key, _value(run)) for key in _keys(run, 4)]
    run.commit(dict(pairs), lambda: run.opened.put_batch(pairs))


def delete_batch(run: Run) -> None:
    """Several deletions in one commit."""
    keys = _keys(run, 3)
    run.commit(dict.fromkeys(keys), lambda: run.opened.delete_batch(keys))


def transact(run: Run) -> None:
    """A transaction of puts and deletions at any level, with a read before them."""
    writes = _writes(run, 4)
    transaction = _transaction(run, writes)
    if run.random.random() < 0.3:
        transaction.savepoint("here")
        key, value = _key(run), _value(run)
        run.ledger.give_up({key: value})
        transaction.put(key, value)
        transaction.rollback_to("here")
    run.commit(dict(writes), transaction.commit)


def abort(run: Run) -> None:
    """A transaction that is given up."""
    writes = _writes(run, 4)
    run.ledger.give_up(dict(writes))
    _transaction(run, writes).abort()


def put_in_company(run: Run) -> None:
    """A commit during whose flush others arrive, which are flushed together."""
    if run.checkpoint_length:
        # Guests would wait for their host, and a checkpoint that the host makes by itself for the guests.
        put(run)
        return
    own, *others = [{_key(run): _value(run)} for _ in range(1 + run.random.randint(1, _GUESTS_MAX))]
    run.commit_in_company({**own}, [{**writes} for writes in others])


def checkpoint(run: Run) -> None:
    """A checkpoint: everything so far is safe then."""
    run.opened.checkpoint()
    run.ledger.acknowledge(len(run.ledger.commits), safe=True)


def back_up(run: Run) -> None:
    """A backup, in a directory of its own."""
    path = f"{BACKUPS}/{len(run.ledger.backups)}"
    run.ledger.back_up(path)
    run.opened.backup(path)
    run.ledger.backup_is_done()


def switch_codec(run: Run) -> None:
    """Another compression from now on."""
    run.opened.compression = run.random.choice(("none", "zstd", "lz4", "zlib"))


def reopen(run: Run) -> None:
    """A clean close, and opening again."""
    run.close()
    run.open()


def die(run: Run) -> None:
    """The process dies and the machine goes on."""
    run.crash(run.vfs.disk.after_death(), run.ledger.acknowledged)
    run.open()


def lose_power(run: Run) -> None:
    """The machine loses power and part of what was not synced."""
    share = run.random.random()
    run.crash(run.vfs.disk.after_crash(lambda _: run.random.random() < share), run.ledger.safe)
    run.open()


ACTIONS: Final = {
    "put": Action(put, 10),
    "put_large": Action(put_large, 1),
    "delete": Action(delete, 5),
    "put_batch": Action(put_batch, 5),
    "delete_batch": Action(delete_batch, 2),
    "transact": Action(transact, 6),
    "abort": Action(abort, 2),
    "put_in_company": Action(put_in_company, 5),
    "put_ending": Action(put_ending, 3),
    "pass_time": Action(pass_time, 3),
    "checkpoint": Action(checkpoint, 3, may_be_refused=True),
    "back_up": Action(back_up, 1, may_be_refused=True),
    "switch_codec": Action(switch_codec, 1),
    "reopen": Action(reopen, 3),
}
CRASHES: Final = {"die": Action(die, 2), "lose_power": Action(lose_power, 2)}


def _transaction(run: Run, writes: Mapping[bytes, bytes | None]) -> Transaction:
    transaction = run.opened.begin_transaction(run.random.choice(list(IsolationLevel)))
    transaction.get(_key(run))
    for key, value in writes.items():
        if value is None:
            transaction.delete(key)
        else:
            transaction.put(key, value)
    return transaction


def _key(run: Run) -> bytes:
    return run.random.choice(_KEYS)


def _keys(run: Run, count_max: int) -> list[bytes]:
    return run.random.sample(_KEYS, run.random.randint(1, count_max))


def _value(run: Run, lengths: tuple[int, ...] = _LENGTHS) -> bytes:
    """A value that no other commit writes, if it is longer than a few bytes."""
    return run.random.randbytes(run.random.choice(lengths))


def _writes(run: Run, count_max: int) -> dict[bytes, bytes | None]:
    return {key: None if run.random.random() < 0.3 else _value(run) for key in _keys(run, count_max)}
