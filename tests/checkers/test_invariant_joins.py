"""The column joins against the same thing written as loops."""

from __future__ import annotations

from random import Random

import numpy as np

from checkers.joins import find, join, mutual


def _numbers(rng: Random, length: int) -> list[int]:
    return [rng.randrange(6) for _ in range(length)]


def test_join_finds_every_equal_pair() -> None:
    """All (i, j) with left[i] == right[j], each once, in the order of i; empty columns too."""
    rng = Random(1)
    for _ in range(200):
        left, right = _numbers(rng, rng.randrange(8)), _numbers(rng, rng.randrange(8))
        i, j = join(np.array(left, dtype=np.int64), np.array(right, dtype=np.int64))
        assert list(zip(i, j, strict=True)) == [
            (a, b) for a in range(len(left)) for b in range(len(right)) if left[a] == right[b]
        ]


def test_mutual_finds_each_pair_of_nodes_with_edges_both_ways_once() -> None:
    """Self-loops and one-way edges are no pairs; of parallel edges the first stands for all."""
    rng = Random(2)
    for _ in range(200):
        edges = [(rng.randrange(5), rng.randrange(5)) for _ in range(rng.randrange(12))]
        before, after = (np.array([edge[side] for edge in edges], dtype=np.int64) for side in (0, 1))
        wanted = sorted({(a, b) for a, b in edges if a < b and (b, a) in edges})
        found = mutual(before, after, 5)
        assert found == [(edges.index((a, b)), edges.index((b, a))) for a, b in wanted]


def test_find_answers_for_the_first_match_or_says_absent() -> None:
    """The answer that belongs to the first of equal numbers."""
    ascending, answer = np.array([1, 3, 3, 7]), np.array([10, 30, 31, 70])
    assert find(ascending, np.array([3, 0, 7, 9, 1]), answer, absent=-5).tolist() == [30, -5, 70, -5, 10]
    assert find(ascending[:0], np.array([3]), answer[:0], absent=-5).tolist() == [-5]
