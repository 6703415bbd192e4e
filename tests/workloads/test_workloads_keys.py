"""Key choice, rotating groups and sweeps."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from random import Random

import pytest

from harness.history import Op
from harness.program import Params, Program, Rollback, read
from workloads.keys import KeyChooser, rotating_groups
from workloads.sweep import sweep
from workloads.tagged import number_of, tagged

DRAWS = 20_000


def _chosen(**params: object) -> Counter[int]:
    chooser = KeyChooser(Random(1), Params(**params))
    return Counter(chooser.choose() for _ in range(DRAWS))


def test_uniform_draws_every_key_alike() -> None:
    """Eight keys get an eighth of the draws each, within a tenth of that."""
    chosen = _chosen(keys=8, key_choice="uniform")
    assert set(chosen) == set(range(8))
    assert all(abs(count - DRAWS / 8) < DRAWS / 80 for count in chosen.values())


def test_zipf_draws_key_i_in_proportion_to_one_over_i_plus_one() -> None:
    """The first key is drawn twice as often as the second and four times as often as the fourth."""
    chosen = _chosen(keys=8, key_choice="zipf")
    assert chosen[0] / chosen[1] == pytest.approx(2, rel=0.1)
    assert chosen[0] / chosen[3] == pytest.approx(4, rel=0.1)


def test_hot_sends_the_share_of_contention_to_a_tenth_of_the_keys() -> None:
    """Of 40 keys the first four get the contention plus their share of the rest."""
    chosen = _chosen(keys=40, key_choice="hot", contention=0.8)
    assert sum(chosen[key] for key in range(4)) / DRAWS == pytest.approx(0.8 + 0.2 * 0.1, abs=0.02)
    assert set(chosen) == set(range(40))


def test_rotating_retires_a_key_after_its_writes() -> None:
    """Every key is written writes_per_key times at the most, and `keys` keys are in play at a time."""
    chooser = KeyChooser(Random(1), Params(keys=3, writes_per_key=5))
    written = [chooser.choose_for_write() for _ in range(300)]
    assert max(Counter(written).values()) == 5
    for place, key in enumerate(written):
        finished = sum(count == 5 for count in Counter(written[:place]).values())
        assert key < finished + 3


def test_two_keys_differ_even_if_one_takes_every_draw() -> None:
    """A single hot key with full contention cannot be chosen twice."""
    chooser = KeyChooser(Random(1), Params(keys=5, key_choice="hot", contention=1.0), keys_min=2)
    assert all(one != two for one, two in (chooser.choose_two() for _ in range(200)))


def test_an_unknown_key_choice_is_an_error_with_the_known_ones() -> None:
    """A misspelt key choice is not taken for another."""
    with pytest.raises(ValueError, match="unknown key choice 'zipff'; known: uniform, zipf, hot, rotating"):
        KeyChooser(Random(1), Params(key_choice="zipff"))


def test_every_group_gets_all_its_turns_near_together() -> None:
    """Blocks of neighbouring groups are complete before the next block begins."""
    drawn = list(islice(rotating_groups(Random(1), 4, 3), 24))
    assert sorted(drawn[:12]) == [(group, turn) for group in range(4) for turn in range(3)]
    assert sorted(drawn[12:]) == [(group, turn) for group in range(4, 8) for turn in range(3)]
    assert drawn[:12] != sorted(drawn[:12])


def _drive(program: Program, stored: dict[str, object]) -> list[str]:
    keys = []
    op = next(program, None)
    while op is not None:
        keys.append(op.key)
        try:
            op = program.send(op._replace(value=stored.get(op.key)))
        except (StopIteration, Rollback):
            op = None
    return keys


def _reads(number: int) -> list[Op]:
    return [read(f"k{number}")]


def test_a_sweep_reads_on_until_the_gap() -> None:
    """It finds what lies behind gaps that are shorter, and reads nothing beyond the chunk that ends a longer one."""
    stored = {f"k{i}": 1 for i in (0, 1, 2, 9, 10)}
    read_keys = [key for program in sweep(_reads, chunk=4, gap=lambda _: 8) for key in _drive(program, stored)]
    assert read_keys == [f"k{i}" for i in range(20)]


def test_a_sweep_may_widen_its_gap_with_what_it_found() -> None:
    """Whatever was found is an argument of the gap."""
    stored = {f"k{i}": 1 for i in range(10)}
    read_keys = [
        key for program in sweep(_reads, chunk=1, gap=lambda found: found) for key in _drive(program, stored)
    ]
    assert read_keys == []
    read_keys = [
        key for program in sweep(_reads, chunk=1, gap=lambda found: 1 + found) for key in _drive(program, stored)
    ]
    assert read_keys == [f"k{i}" for i in range(10 + 11)]


def test_a_sweep_of_programs_that_nobody_runs_ends() -> None:
    """It can be listed, and its programs read one chunk after the other."""
    programs = list(sweep(_reads, chunk=4, gap=lambda _: 8))
    assert len(programs) == 10_000
    assert _drive(programs[700], {}) == [f"k{i}" for i in range(2800, 2804)]


def test_a_sweep_that_breaks_off_again_and_again_ends() -> None:
    """After three programs in a row that did not come to their end it is given up; one that does starts anew."""
    made = 0
    for program in sweep(_reads, chunk=4, gap=lambda _: 8):
        made += 1
        if made == 3:
            assert _drive(program, {"k8": 1}) == [f"k{i}" for i in range(8, 12)]
        else:
            next(program)
    assert made == 6


def test_program_i_reads_chunk_i_whatever_became_of_those_before() -> None:
    """A runner that makes the sweep anew to repeat program i gets the reads of program i."""
    stored = {f"k{i}": 1 for i in range(40)}
    first_keys = []
    for i, program in enumerate(sweep(_reads, chunk=4, gap=lambda _: 8)):
        again = next(islice(sweep(_reads, chunk=4, gap=lambda _: 8), i, None))
        keys = _drive(again, stored)
        first_keys.append(keys[0])
        assert keys == (_drive(program, stored) if i != 2 else [next(program).key, "k9", "k10", "k11"])
    assert first_keys == [f"k{4 * i}" for i in range(12)]


def test_empty_lists_and_ranges_are_nothing_and_zero_is_something() -> None:
    """A stored 0 is a value; an empty list or range is not."""
    stored = {"k0": 0, "k1": [], "k2": {}, "k3": None}
    read_keys = [key for program in sweep(_reads, chunk=1, gap=lambda _: 2) for key in _drive(program, stored)]
    assert read_keys == ["k0", "k1", "k2"]


def test_tags_tell_equal_numbers_apart_and_anything_else_is_no_number() -> None:
    """What a database returns is parsed without trust."""
    assert tagged(95, 17) == "95#17"
    assert number_of("95#17") == 95
    assert number_of("-3#a") == -3
    for hostile in (None, "", "#", "x#1", "9" * 400 + "#1", "٣#1", 5, 2.5, b"5#1", ["5#1"], {}):
        assert number_of(hostile) is None
