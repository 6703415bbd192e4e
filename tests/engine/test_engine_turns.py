"""Threads one at a time: every order once, nobody hangs, and what was seen can be run again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import comb
from random import Random
from typing import Any

import pytest

from engine.proof.threads import turns as turns_module
from engine.proof.threads.orders import OrderBroken, along, every_order, seeded, until
from engine.proof.threads.turns import Choose, Deadlock, Endless, Turn, Turns, Unreachable


def walker(turns: Turns, stops: int) -> Callable[[], None]:
    def walk() -> None:
        for _ in range(stops):
            turns.stop("step")

    return walk


def two_walkers(choose: Choose, stops: int) -> str:
    """Two threads that only stop; returns who ran, turn by turn."""
    turns = Turns(choose)
    turns.run(walker(turns, stops), walker(turns, stops))
    return "".join(str(turn)[0] for turn in turns.trace)


@pytest.mark.parametrize("stops", [0, 1, 3, 4])
def test_every_order_is_run_once(stops: int) -> None:
    """Two threads of n turns have (2n over n) orders: so many are run, and all differ."""
    orders = [two_walkers(order, stops) for order in every_order()]
    assert len(orders) == comb(2 * (stops + 1), stops + 1)
    assert len(set(orders)) == len(orders)


def test_a_bound_leaves_the_orders_with_fewer_preemptions() -> None:
    """The orders within a bound are those of all that have no more preemptions, the fewest first."""

    def preemptions(order: str) -> int:
        switches = [place for place in range(1, len(order)) if order[place] != order[place - 1]]
        return sum(order[place - 1] in order[place:] for place in switches)

    every = [two_walkers(order, 3) for order in every_order()]
    for bound, count in [(0, 2), (1, 8), (2, 26)]:
        bounded = [two_walkers(order, 3) for order in every_order(bound)]
        assert set(bounded) == {order for order in every if preemptions(order) <= bound}
        assert [preemptions(order) for order in bounded] == sorted(preemptions(order) for order in bounded)
        assert len(bounded) == count


def take_two_mutexes_crosswise(choose: Choose) -> str:
    """Returns where all wait for each other; empty where they do not."""
    turns = Turns(choose)
    one, two = turns.mutex("one"), turns.mutex("two")

    def take(first: Any, second: Any) -> None:
        with first, second:
            pass

    try:
        turns.run(lambda: take(one, two), lambda: take(two, one))
    except Deadlock as deadlock:
        return str(deadlock)
    return ""


def test_a_deadlock_is_found_and_left() -> None:
    """Two mutexes taken in opposite orders: some order deadlocks, it says where, and no thread is left behind."""
    before = threading.active_count()
    assert {take_two_mutexes_crosswise(order) for order in every_order()} == {"", "a lock two; b lock one"}
    assert threading.active_count() == before


def test_a_wait_that_nobody_ends_is_a_deadlock() -> None:
    """A thread that waits for a condition after the bell has rung sleeps for ever; one that comes before does not."""

    def run(order: str) -> None:
        turns = Turns(until(order))
        condition = turns.condition("bell")

        def listen() -> None:
            with condition:
                condition.wait()

        def ring() -> None:
            with condition:
                condition.notify_all()

        turns.run(listen, ring)

    run("a wait bell, b end, a end")
    with pytest.raises(Deadlock, match="a wait bell"):
        run("b end, a end")


def test_a_run_without_an_end_ends() -> None:
    """Threads that go round in circles are stopped."""
    turns = Turns(seeded(Random(1)))

    def circle() -> None:
        while True:
            turns.stop("again")

    with pytest.raises(Endless):
        turns.run(circle, circle)


def test_a_thread_that_sleeps_elsewhere_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that waits for something else than a latch ends the run with a sentence instead of a hang."""
    monkeypatch.setattr(turns_module, "_SILENCE_SECONDS", 0.01)
    foreign = threading.Event()
    with pytest.raises(Unreachable):
        Turns(seeded(Random(1))).run(lambda: foreign.wait() and None)
    foreign.set()


def test_an_error_of_a_thread_is_raised_after_all_have_ended() -> None:
    """The others run on to their ends first."""
    done = []

    def fail() -> None:
        raise ValueError("a")

    with pytest.raises(ValueError, match="a"):
        Turns(until("a end, b end")).run(fail, lambda: done.append("b"))
    assert done == ["b"]


def test_whoever_passes_a_place_can_be_struck() -> None:
    """What `passing` raises is raised in the thread that goes on from that place, and nowhere else."""

    def strike(place: str) -> None:
        if place == "here":
            raise KeyboardInterrupt

    turns = Turns(seeded(Random(1)), strike)
    seen = []

    def walk(name: str, place: str) -> None:
        try:
            turns.stop(place)
        except KeyboardInterrupt:
            seen.append(name)

    turns.run(lambda: walk("a", "there"), lambda: walk("b", "here"))
    assert seen == ["b"]


def test_a_trace_can_be_run_again() -> None:
    """`along` a trace gives the same trace; along one that is not possible it says so."""
    turns = Turns(seeded(Random(7)))
    turns.run(lambda: turns.stop("x"), lambda: turns.stop("y"))
    again = Turns(along(turns.trace))
    again.run(lambda: again.stop("x"), lambda: again.stop("y"))
    assert again.trace == turns.trace
    assert len(turns.trace) == 4
    with pytest.raises(OrderBroken, match="a elsewhere"):
        two_walkers(along([Turn(0, "elsewhere")]), 1)


def test_an_order_in_words() -> None:
    """`until` runs each thread up to the place that is named, and refuses an order that leaves somebody standing."""
    assert two_walkers(until("b step, a end, b end"), 2) == "baaabb"
    assert two_walkers(until("b step, b step, a end, b end"), 2) == "bbaaab"
    with pytest.raises(OrderBroken):
        two_walkers(until("b step, a end"), 2)


def test_a_program_that_does_not_repeat_itself_is_noticed() -> None:
    """A prefix that cannot be followed the second time is an error, not another order."""
    stops_left = [3, 0, 0, 0]

    def run_all() -> None:
        for order in every_order():
            turns = Turns(order)
            walk = walker(turns, stops_left.pop(0))
            turns.run(walk, walker(turns, 0), walk)

    with pytest.raises(OrderBroken, match="does not repeat itself"):
        run_all()
