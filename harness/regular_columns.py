"""From the words of regular operations to columns, without a value in between.

A list that was read nearly always continues what was read of its key before, or is a beginning of it. Then comparing
the two texts verifies it, and only what is new in it is looked at:

    known of x      1 2 3
    read of x       1 2          a beginning: its length is all that is kept
    read of x       1 2 3 4 5    it goes on: 4 and 5 are new
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

from harness.build import Chain, HistoryBuilder, Numbers
from harness.edn_lines import MICRO_OP, word_of
from harness.history import KIND_CODE, SCALAR

__all__ = ["RegularColumns"]


class _Known:
    """The longest list read of a key, as a text, and the chain that holds it."""

    __slots__ = ("chain", "length", "text")

    def __init__(self, text: str, chain: Chain, length: int) -> None:
        self.text = text
        self.chain = chain
        self.length = length


class RegularColumns:
    """Puts values of regular lines into the columns of `builder`. `lists`: reads are of lists, of nothing by nil."""

    def __init__(self, builder: HistoryBuilder, lists: bool) -> None:
        self._builder = builder
        self._lists = lists
        self._keys = _Words(builder.keys)
        self._values = _Words(builder.values)
        self._known: dict[int, _Known] = {}

    def add(self, values: Sequence[str]) -> list[int]:
        """The operations in the values of answered transactions; how many there are in each."""
        found = MICRO_OP.findall("\n".join(values))
        if found:
            builder = self._builder
            names, key_words, words = zip(*found, strict=True)
            keys = list(map(self._keys.__getitem__, key_words))
            builder.kind.extend(map(KIND_CODE.__getitem__, names))
            builder.key.extend(keys)
            if self._lists:
                self._add_answers(names, keys, words)
            else:
                builder.value.extend(map(self._values.__getitem__, words))
                builder.length.extend(repeat(SCALAR, len(words)))
        return [value.count("[:") for value in values]

    def _add_answers(self, names: Sequence[str], keys: Sequence[int], words: Sequence[str]) -> None:
        numbers, list_of = self._values, self._list
        numbers_append, lengths_append = self._builder.value.append, self._builder.length.append
        for name, key, word in zip(names, keys, words, strict=True):
            if name == "r" and (word[0] == "[" or word == "nil"):
                number, length = list_of(key, word[1:-1] if word[0] == "[" else "")
                numbers_append(number)
                lengths_append(length)
            else:
                numbers_append(numbers[word])
                lengths_append(SCALAR)

    def _list(self, key: int, text: str) -> tuple[int, int]:
        """The number of the chain and the length of a list that was read."""
        known = self._known.get(key)
        if known is None:
            chain = self._builder.chain(key, self._ids(text))
            length = text.count(" ") + 1 if text else 0
            self._known[key] = _Known(text, chain, length)
            return chain.index, length
        whole, size = known.text, len(text)
        if whole == text:
            return known.chain.index, known.length
        if whole.startswith(text) and (not size or whole[size] == " "):
            return known.chain.index, text.count(" ") + 1 if text else 0
        if text.startswith(whole) and (not whole or text[len(whole)] == " ") and known.length == len(known.chain.ids):
            known.chain.ids += self._ids(text[len(whole) + 1 :] if whole else text)
            known.text, known.length = text, len(known.chain.ids)
            return known.chain.index, known.length
        ids = self._ids(text)
        return self._builder.chain(key, ids).index, len(ids)

    def _ids(self, text: str) -> list[int]:
        numbers = self._values
        return [numbers[word] for word in text.split(" ")] if text else []


class _Words(dict[str, int]):
    """The numbers of values by the words that stand for them."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self._numbers = numbers

    def __missing__(self, word: str) -> int:
        value = word_of(word)
        number = self[word] = self._numbers.number(tuple(value) if isinstance(value, list) else value)
        return number
