"""What the programs of every workload promise, and what each workload's own invariant rests on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest

from anomalist.suites import ON_OBJECTS
from harness.history import KIND_CODE, Op
from harness.program import KEY_CHOICES, Params, Program, Rollback
from workloads import WORKLOADS

NAMES = (
    "list-append",
    "rw-register",
    "bank",
    "counter",
    "write-skew",
    "predicate-skew",
    "predicates",
    "long-fork",
    "set",
    "unique-ids",
    "monotonic",
    "session-guarantees",
)


def _drive(program: Program, stored: dict[str, Any]) -> list[Op]:
    """Runs one program alone against a dictionary."""
    done: list[Op] = []
    op = next(program, None)
    while op is not None:
        match op.kind:
            case "r":
                op = op._replace(value=stored.get(op.key))
            case "w":
                stored[op.key] = op.value
            case "delete":
                stored.pop(op.key, None)
            case "append":
                stored.setdefault(op.key, []).append(op.value)
            case "incr":
                stored[op.key] = stored.get(op.key, 0) + op.value
                op = op._replace(value=(op.value, stored[op.key]))
            case "scan":
                low, high = op.key
                op = op._replace(value={key: stored[key] for key in sorted(stored) if low <= key < high})
        done.append(op)
        try:
            op = program.send(op)
        except (StopIteration, Rollback):
            op = None
    return done


def _programs(name: str, seed: int = 1, **params: Any) -> Iterator[Program]:
    workload = WORKLOADS[name]
    return workload.programs(Random(seed), Params(**params) if params else workload.defaults)


def _run(name: str, count: int, seed: int = 1, **params: Any) -> list[list[Op]]:
    stored: dict[str, Any] = {}
    chosen = Params(**params) if params else WORKLOADS[name].defaults
    for program in WORKLOADS[name].setup(Random(seed), chosen):
        _drive(program, stored)
    return [_drive(program, stored) for program in islice(_programs(name, seed, **params), count)]


def test_the_table_holds_the_workloads_by_their_names() -> None:
    """The key in the table is the name in the record; those on plain keys come first."""
    models = ("queue", "queue-redelivery", "sql-append", "sql-bank", "cache", "vectors", "graph", "restart")
    assert tuple(WORKLOADS) == (*NAMES, *ON_OBJECTS, *models)
    assert all(name == workload.name for name, workload in WORKLOADS.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_makes_the_same_programs(name: str) -> None:
    """All randomness comes from the generator that is given."""
    assert _run(name, 100, seed=5) == _run(name, 100, seed=5)
    if name != "write-skew":
        assert _run(name, 100, seed=5) != _run(name, 100, seed=6)


@pytest.mark.parametrize("name", NAMES)
def test_random_choices_are_drawn_when_a_program_is_made(name: str) -> None:
    """Programs run in the opposite order, or made long before, do the very same first operation."""
    firsts = [next(program, None) for program in list(islice(_programs(name), 50))]
    later = [next(program, None) for program in reversed(list(islice(_programs(name), 50)))]
    assert firsts == later[::-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("key_choice", KEY_CHOICES)
def test_operations_are_plain(name: str, key_choice: str) -> None:
    """Every key choice yields known kinds, string keys and bounds, and integers or strings as values."""
    for txn in _run(name, 200, keys=3, key_choice=key_choice):
        for op in txn:
            assert op.kind in KIND_CODE
            assert all(type(key) is str for key in (op.key if op.kind == "scan" else [op.key]))
            if op.kind in {"w", "append"}:
                assert type(op.value) in {int, str}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"unique-ids", "monotonic"}))
def test_values_are_unique_per_key(name: str) -> None:
    """No value is written to a key twice, so that every version is known by its value."""
    written = Counter((op.key, op.value) for txn in _run(name, 300) for op in txn if op.kind in {"w", "append"})
    assert written
    assert max(written.values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_setup_and_finale_end_without_being_run(name: str) -> None:
    """Only the programs may be endless."""
    workload = WORKLOADS[name]
    assert len(list(workload.setup(Random(1), workload.defaults))) == (name == "bank")
    assert len(list(workload.finale(Random(1), workload.defaults))) <= 10_000


@pytest.mark.parametrize("name", sorted({*NAMES} - {"unique-ids"}))
def test_the_finale_reads_back_everything(name: str) -> None:
    """Every key that the run left behind is read in the finale, alone or in a range."""
    stored: dict[str, Any] = {}
    workload = WORKLOADS[name]
    for phase in (workload.setup, lambda *given: islice(workload.programs(*given), 700)):
        for program in phase(Random(1), workload.defaults):
            _drive(program, stored)
    seen: set[str] = set()
    for program in workload.finale(Random(1), workload.defaults):
        for op in _drive(program, stored):
            seen |= set(op.value) if op.kind == "scan" else {op.key} if op.value is not None else set()
    assert seen == set(stored)


def test_list_append_counts_up_per_key_and_keeps_to_its_lengths_and_read_ratio() -> None:
    """Elements of a key are 1, 2, 3, ..., transactions have ops_min to ops_max operations."""
    txns = _run("list-append", 2000, ops_min=2, ops_max=5, read_ratio=0.25)
    elements = defaultdict(list)
    for op in (op for txn in txns for op in txn if op.kind == "append"):
        elements[op.key].append(op.value)
    assert all(found == list(range(1, len(found) + 1)) for found in elements.values())
    assert {len(txn) for txn in txns} == {2, 3, 4, 5}
    ops = [op.kind for txn in txns for op in txn]
    assert ops.count("r") / len(ops) == pytest.approx(0.25, abs=0.03)


def test_bank_transfers_move_money_and_never_overdraw() -> None:
    """Run alone, every read of all accounts shows the deposits' total and no balance below zero."""
    txns = _run("bank", 3000, keys=3, read_ratio=0.3)
    totals = [[int(op.value.split("#")[0]) for op in txn] for txn in txns if len(txn) == 3]
    assert len(totals) > 700
    assert {sum(total) for total in totals} == {300}
    assert min(min(total) for total in totals) >= 0
    assert {len(txn) for txn in txns} == {2, 3, 4}


@pytest.mark.parametrize("name", ["bank", "counter"])
def test_what_is_no_number_is_left_alone(name: str) -> None:
    """Programs that read a hostile value end without writing and without an exception."""
    for hostile in ("x", b"\x00", 3, ["1#1"], "9" * 500 + "#1"):
        for program in islice(_programs(name), 20):
            op = next(program, None)
            while op is not None:
                assert op.kind == "r"
                try:
                    op = program.send(op._replace(value=hostile))
                except StopIteration:
                    op = None


def test_counter_adds_one() -> None:
    """Run alone, the numbers of a counter are 1, 2, 3, ...."""
    numbers = defaultdict(list)
    for txn in _run("counter", 200):
        assert [op.kind for op in txn] == ["r", "w"]
        numbers[txn[1].key].append(int(txn[1].value.split("#")[0]))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


@pytest.mark.parametrize("name", ["write-skew", "predicate-skew", "long-fork", "set"])
def test_every_key_belongs_to_one_program(name: str) -> None:
    """Whatever the programs read, no two of them write the same key."""
    writers = Counter()
    for program in islice(_programs(name, keys=3, writes_per_key=4), 400):
        writers.update({op.key for op in _drive(program, {}) if op.kind == "w"})
    assert len(writers) > 100
    assert max(writers.values()) == 1


def test_write_skew_takes_one_side_of_a_free_pair_only() -> None:
    """Run alone, the second program of a pair sees that it is taken and writes nothing."""
    txns = _run("write-skew", 100)
    assert Counter(len(txn) for txn in txns) == {2: 50, 3: 50}
    assert all(txn[0].key[:-1] == txn[1].key[:-1] for txn in txns)


def test_predicate_skew_inserts_into_an_empty_range_only() -> None:
    """Run alone, one of the programs of a range inserts, and its key lies within the range."""
    txns = _run("predicate-skew", 90)
    assert Counter(len(txn) for txn in txns) == {1: 60, 2: 30}
    assert all(txn[0].key[0] <= txn[1].key < txn[0].key[1] for txn in txns if len(txn) == 2)


def test_long_fork_reads_whole_groups_in_any_order() -> None:
    """Readers see all keys of one group, in different orders."""
    readers = [[op.key for op in txn] for txn in _run("long-fork", 200, keys=2, ops_max=3) if txn[0].kind == "r"]
    assert all(len({key.split("key")[0] for key in keys}) == 1 and len(set(keys)) == 3 for keys in readers)
    assert any(keys != sorted(keys) for keys in readers)
    assert any(keys == sorted(keys) for keys in readers)


def test_rw_register_reads_and_writes_in_the_given_ratio_and_lengths() -> None:
    """Values of a key are 1, 2, 3, ..., transactions have ops_min to ops_max operations."""
    txns = _run("rw-register", 2000, ops_min=2, ops_max=5, read_ratio=0.25)
    values: dict[str, list[int]] = defaultdict(list)
    for op in (op for txn in txns for op in txn if op.kind == "w"):
        values[op.key].append(op.value)
    assert all(written == list(range(1, len(written) + 1)) for written in values.values())
    assert {len(txn) for txn in txns} == {2, 3, 4, 5}
    reads = sum(op.kind == "r" for txn in txns for op in txn)
    assert 0.23 < reads / sum(map(len, txns)) < 0.27


def test_predicates_inserts_each_key_once_and_replaces_or_deletes_only_what_it_has_read() -> None:
    """So a key that a scan misses is not yet there or no longer, and every later version is seen to follow one."""
    inserted: Counter[str] = Counter()
    deleted: Counter[str] = Counter()
    for txn in _run("predicates", 600):
        for place, op in enumerate(txn):
            found = [one.value for one in txn[:place] if (one.kind, one.key) == ("r", op.key)]
            if op.kind in {"w", "delete"} and found[-1:] != [] and found[-1] is not None:
                deleted[op.key] += op.kind == "delete"
            elif op.kind == "w":
                inserted[op.key] += 1
            assert op.kind != "delete" or found[-1] is not None
    assert max(inserted.values()) == max(deleted.values()) == 1
    assert len(inserted) > 300
    assert sum(deleted.values()) > 30
