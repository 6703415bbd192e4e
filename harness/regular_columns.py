"""From the words of regular operations to columns, without a value in between.

A list that was read nearly always continues what was read of its key before, or is a beginning of it. Then comparing
the two texts verifies it, and only what is new in it is looked at:

    known of x      1 2 3
    read of x       1 2          a beginning: its length is all that is kept
    read of x       1 2 3 4 5    it goes on: 4 and 5 are new
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.build import Chain, HistoryBuilder, Numbers
from harness.edn_lines import MICRO_OP, word_of
from harness.history import KIND_CODE, SCALAR

__all__ = ["RegularColumns"]

_READ: Final = KIND_CODE["r"]


class _Known:
    """The longest list read of a key, as a text, and the chain that holds it."""

    __slots__ = ("chain", "length", "text")

    def __init__(self, text: str, chain: Chain, length: int) -> None:
        self.text = text
        self.chain = chain
        self.length = length


class RegularColumns:
    """Puts values of regular lines into the columns of `builder`. `lists`: what is read are lists, nil an empty one."""

    def __init__(self, builder: HistoryBuilder, lists: bool) -> None:
        self._builder = builder
        self._lists = lists
        self._keys = _Words(builder.keys)
        self._values = _Words(builder.values)
        self._known: dict[int, _Known] = {}

    def add(self, values: Sequence[str]) -> list[int]:
        """The operations in the values of answered transactions; how many there are in each."""
        builder, lists = self._builder, self._lists
        keys, numbers, list_of = self._keys, self._values, self._list
        kind_append, key_append = builder.kind.append, builder.key.append
        value_append, length_append = builder.value.append, builder.length.append
        for name, key_word, word in MICRO_OP.findall("\n".join(values)):
            key = keys[key_word]
            key_append(key)
            if name == "r" and lists and (word[0] == "[" or word == "nil"):
                kind_append(_READ)
                number, length = list_of(key, word[1:-1] if word[0] == "[" else "")
                value_append(number)
                length_append(length)
            else:
                kind_append(KIND_CODE[name])
                value_append(numbers[word])
                length_append(SCALAR)
        return [value.count("[:") for value in values]

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
