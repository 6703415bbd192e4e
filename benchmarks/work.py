"""The work of each row of `benchmarks.engine`: a fresh store in an empty directory, prepared, measured, checked.

Each function takes a store's class, a directory and the sizes, and gives one sample: CPU milliseconds of this
process, or a rate by wall time where the work is waiting for the disk.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

import numpy as np

from benchmarks.stores import Pair, Store

__all__ = [
    "Sample",
    "Sizes",
    "Work",
    "commit_alone",
    "commit_together",
    "count_durably",
    "get_alone",
    "get_together",
    "large_value",
    "move",
    "put_in_batches",
    "put_ordered",
    "put_shuffled",
    "recover",
    "scan",
    "search_vectors",
    "sync_raw",
]

_PREFIX = b"key-"
Result = TypeVar("Result")

_RAW_RECORD = b"x" * 64  # bytes; about what one small commit adds to a log


class Sizes(NamedTuple):
    """How much of everything. `slice_seconds`: how long one sample of a rate takes."""

    puts: int = 100_000
    gets_alone: int = 10_000
    batch: int = 10_000
    vectors: int = 5_000
    dimension: int = 128
    queries: int = 10
    moves: int = 1_000
    value_bytes: int = 50_000_000
    threads: int = 20
    slice_seconds: float = 0.4
    recovered_commits: int = 100_000
    memory_commits: int = 1_000_000


class Sample(NamedTuple):
    """One measured figure, and whether the store did what it was asked."""

    value: float
    correct: bool


Work = Callable[[type[Store], Path, Sizes], Sample]


def put_shuffled(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of one batch of new keys in random order."""
    pairs = _shuffled_pairs(sizes.puts)
    with closing(kind(directory)) as store:
        cpu_ms, _ = _timed(lambda: store.put_all(pairs))
        return Sample(cpu_ms, store.scan(_PREFIX) == sorted(pairs))


def put_ordered(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of one batch of new keys in key order."""
    pairs = sorted(_shuffled_pairs(sizes.batch))
    with closing(kind(directory)) as store:
        cpu_ms, _ = _timed(lambda: store.put_all(pairs))
        return Sample(cpu_ms, store.scan(_PREFIX) == pairs)


def put_in_batches(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of new keys in key order, a hundred batches."""
    pairs = sorted(_shuffled_pairs(sizes.puts))
    size = max(1, sizes.puts // 100)
    batches = [pairs[first : first + size] for first in range(0, len(pairs), size)]

    def put_each(store: Store) -> None:
        for batch in batches:
            store.put_all(batch)

    with closing(kind(directory)) as store:
        cpu_ms, _ = _timed(lambda: put_each(store))
        return Sample(cpu_ms, store.scan(_PREFIX) == pairs)


def search_vectors(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of indexing random vectors and searching the ten nearest of a few; the nearest of a member is itself."""
    vectors = np.random.default_rng(42).standard_normal((sizes.vectors, sizes.dimension), dtype=np.float32)

    def index_and_search(store: Store) -> list[int]:
        store.put_vectors(vectors)
        return [store.nearest(query, 10)[0] for query in vectors[: sizes.queries]]

    with closing(kind(directory)) as store:
        cpu_ms, nearest = _timed(lambda: index_and_search(store))
        return Sample(cpu_ms, nearest == list(range(sizes.queries)))


def get_together(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of getting every key once, in random order, in one transaction."""
    pairs = _shuffled_pairs(sizes.puts)
    keys = [key for key, _ in reversed(pairs)]
    with closing(_filled(kind, directory, pairs)) as store:
        cpu_ms, values = _timed(lambda: store.get_each(keys))
        return Sample(cpu_ms, values == [value for _, value in reversed(pairs)])


def get_alone(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of single gets, each in a transaction of its own, from a store of `puts` keys."""
    pairs = _shuffled_pairs(sizes.puts)
    asked = pairs[: sizes.gets_alone]
    with closing(_filled(kind, directory, pairs)) as store:
        cpu_ms, values = _timed(lambda: [store.get(key) for key, _ in asked])
        return Sample(cpu_ms, values == [value for _, value in asked])


def scan(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of one scan of all pairs by their common prefix."""
    pairs = _shuffled_pairs(sizes.puts)
    with closing(_filled(kind, directory, pairs)) as store:
        cpu_ms, found = _timed(lambda: store.scan(_PREFIX))
        return Sample(cpu_ms, found == sorted(pairs))


def move(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of serializable transactions of two reads and two writes each, in a store of `puts` numbers."""
    keys = [key for key, _ in _shuffled_pairs(sizes.puts)]
    choice = Random(sizes.moves)
    moves = [choice.sample(keys, 2) for _ in range(sizes.moves)]
    expected = dict.fromkeys(keys, 100)
    for source, target in moves:
        expected[source] -= 1
        expected[target] += 1

    def move_all(store: Store) -> None:
        for source, target in moves:
            store.move(source, target)

    with closing(_filled(kind, directory, [(key, b"100") for key in keys])) as store:
        cpu_ms, _ = _timed(lambda: move_all(store))
        return Sample(cpu_ms, store.scan(_PREFIX) == [(key, b"%d" % expected[key]) for key in sorted(keys)])


def large_value(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of putting one large value and getting it back."""
    value = Random(0).randbytes(sizes.value_bytes)

    def round_trip(store: Store) -> bytes | None:
        store.put(b"large", value)
        return store.get(b"large")

    with closing(kind(directory)) as store:
        cpu_ms, found = _timed(lambda: round_trip(store))
        return Sample(cpu_ms, found == value)


def count_durably(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """Acknowledged increments a second of one counter by many threads, each on the disk before it returns."""
    with closing(kind(directory, durable=True)) as store:
        store.put(b"counter", b"0")
        calls = [partial(store.session().increment, b"counter") for _ in range(sizes.threads)]
        done, seconds = _at_work(calls, sizes.slice_seconds)
        return Sample(done / seconds, int(store.get(b"counter") or 0) == done)


def commit_alone(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """Durable commits of one put a second, by one thread."""
    return _commit_durably(kind, directory, 1, sizes)


def commit_together(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """Durable commits of one put a second, by many threads with a key each."""
    return _commit_durably(kind, directory, sizes.threads, sizes)


def recover(kind: type[Store], directory: Path, sizes: Sizes) -> Sample:
    """CPU ms of opening a store again, for each 100,000 commits of one new key."""
    pairs = _shuffled_pairs(sizes.recovered_commits)
    with closing(kind(directory)) as store:
        for key, value in pairs:
            store.put(key, value)
    cpu_ms, store = _timed(lambda: kind(directory))
    with closing(store):
        return Sample(cpu_ms * 100_000 / len(pairs), store.scan(_PREFIX) == sorted(pairs))


def sync_raw(directory: Path, sizes: Sizes) -> Sample:
    """What the disk can do, a second: a small record at the end of a file, then fdatasync, by one thread."""
    descriptor = os.open(directory / "raw", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def append() -> None:
        os.write(descriptor, _RAW_RECORD)
        os.fdatasync(descriptor)

    try:
        append()
        done, seconds = _at_work([append], sizes.slice_seconds)
        return Sample(done / seconds, True)
    finally:
        os.close(descriptor)


def _commit_durably(kind: type[Store], directory: Path, threads: int, sizes: Sizes) -> Sample:
    with closing(kind(directory, durable=True)) as store:
        store.put(b"first", b"")  # What is paid once is paid before.
        keys = [b"key-%08d" % thread for thread in range(threads)]
        done, seconds = _at_work([partial(store.put, key, key) for key in keys], sizes.slice_seconds)
        return Sample(done / seconds, [store.get(key) for key in keys] == keys)


def _shuffled_pairs(count: int) -> list[Pair]:
    keys = [_PREFIX + b"%08d" % number for number in range(count)]
    Random(count).shuffle(keys)
    return [(key, b"value of " + key) for key in keys]


def _filled(kind: type[Store], directory: Path, pairs: list[Pair]) -> Store:
    store = kind(directory)
    store.put_all(pairs)
    return store


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """CPU ms of this process, all threads, and what the work gave. Nobody pays for another's garbage."""
    gc.collect()
    began = process_time()
    result = work()
    return (process_time() - began) * 1000, result


def _at_work(calls: Sequence[Callable[[], object]], seconds: float) -> tuple[int, float]:
    """Each call in a thread of its own, again and again, at least once; how many did not say False, in how long."""
    barrier = threading.Barrier(len(calls) + 1)

    def repeat(call: Callable[[], object]) -> int:
        barrier.wait()
        end = perf_counter() + seconds
        done = int(call() is not False)
        while perf_counter() < end:
            done += call() is not False
        return done

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(repeat, call) for call in calls]
        barrier.wait()
        began = perf_counter()
        done = sum(future.result() for future in futures)
        return done, perf_counter() - began
