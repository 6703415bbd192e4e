"""EDN is read as it is meant, printed so that it reads back, and refused without a crash."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.edn import DEPTH_MAX, Character, EdnCut, EdnError, EdnReader, FrozenMap, Keyword, Symbol, Tagged
from harness.edn_text import edn_text


def read(text: str) -> list[Any]:
    reader = EdnReader(text)
    found = []
    while reader.read():
        found.append(reader.value)
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("nil", None),
        ("true", True),
        ("false", False),
        ("-12", -12),
        ("+5", 5),
        ("12345678901234567890123N", 12345678901234567890123),
        ("1.5e3", 1500.0),
        ("1.50M", Decimal("1.50")),
        ("6/4", Fraction(3, 2)),
        ("4/2", 2),
        ("##-Inf", -math.inf),
        (":a/b", Keyword("a/b")),
        ("some-thing", Symbol("some-thing")),
        (r"\newline", Character("\n")),
        (r"\u00e9", Character("é")),
        (r"\,", Character(",")),
        (r'"a\n\"\\\u00e9\ud83d\ude00"', 'a\n"\\é😀'),
        ("[1 2 3]", [1, 2, 3]),
        ("[1,2 ,, [3 ]]", [1, 2, [3]]),
        ("(1 :a)", [1, Keyword("a")]),
        ("[[1 2]]", [[1, 2]]),
        ("#{1 [2]}", frozenset({1, (2,)})),
        ("{:a 1, [2] {:b nil}}", {Keyword("a"): 1, (2,): {Keyword("b"): None}}),
        ("{{:a [1]} 2}", {FrozenMap({Keyword("a"): (1,)}): 2}),
        ('#inst "2020-01-01"', Tagged("inst", "2020-01-01")),
        ("#a #b 1", Tagged("a", Tagged("b", 1))),
        ("#:n{:a 1 :_/b 2 :c/d 3 4 5}", {Keyword("n/a"): 1, Keyword("b"): 2, Keyword("c/d"): 3, 4: 5}),
        ("[1 #_ #_ 2 3 4 #_#a{:b 5}]", [1, 4]),
        ("[1 ; a ] comment\n 2]", [1, 2]),
    ],
)
def test_each_form_stands_for_its_value(text: str, value: Any) -> None:
    """Every form of EDN is read as the value it stands for."""
    assert read(text) == [value]


def test_values_follow_each_other_with_their_offsets() -> None:
    """Values after one another are read one by one, and the reader knows where each began."""
    reader = EdnReader(" ; first\n{:a 1} #t [2]")
    began = []
    while reader.read():
        began.append((reader.began, reader.value))
    assert began == [(9, {Keyword("a"): 1}), (16, Tagged("t", [2]))]


@pytest.mark.parametrize(
    ("text", "sentence", "at"),
    [
        ("[1)", ") closes the open [", 2),
        ("1 ]", "] closes nothing", 2),
        ("{:a}", "a map has a key without a value", 3),
        ("{1 :a true :b}", "a map has the same key twice (1, 1.0 and true count as one here)", 13),
        ("#{1 1}", "a set has the same element twice (1, 1.0 and true count as one here)", 5),
        ("[01]", "'01' is not a number", 1),
        ("1/0", "'1/0' is not a number", 0),
        ("1e99999999999999999999M", "the exponent of a number is out of range", 0),
        ("[-1e400]", "a number is out of range", 1),
        ("9" * 5000, "a number has more than 4000 digits", 0),
        ("::a", "'::a' is not a keyword", 0),
        ("@a", "'@' cannot stand here", 0),
        ("[#_]", "a tag or #_ has no value after it", 3),
        ("#:a [1]", "a namespace stands before a value that is not a map", 3),
        (r'"\q"', r"the string escape '\\q' is unknown", 1),
        (r'"\9"', r"the string escape '\\9' is unknown", 1),
        (r'"\٣"', r"the string escape '\\\u0663' is unknown", 1),
        (r'"\ud83d"', "a string has half of a surrogate pair", 1),
        (r"\abc", r"the character \'abc' is unknown", 1),
        ("##Nan", "'##Nan' cannot stand here", 0),
    ],
)
def test_what_is_not_edn_is_refused_with_its_place(text: str, sentence: str, at: int) -> None:
    """Text that is not EDN raises one sentence and the offset of the fault."""
    with pytest.raises(EdnError) as caught:
        read(text)
    assert (str(caught.value), caught.value.at) == (sentence, at)


@pytest.mark.parametrize("text", ["[1 [2]", '{:a "b', "#tag", "#_", "{:a 1", '"\\', "#{1"])
def test_a_text_that_ends_inside_a_value_is_cut(text: str) -> None:
    """A text that ends inside a value is told from a shorter whole one."""
    with pytest.raises(EdnCut):
        read(text)


@pytest.mark.parametrize("opening", ["[", "{:a ", "#{", "(", "#t ", "#_ [", "[#t "])
def test_hostile_depth_is_an_error_and_no_crash(opening: str) -> None:
    """Any kind of nesting beyond the bound is a sentence, however deep it goes."""
    with pytest.raises(EdnError, match=f"nested more than {DEPTH_MAX} levels"):
        read(opening * 200_000)


def test_the_greatest_allowed_depth_is_read_and_printed() -> None:
    """A value of exactly the greatest depth passes through reader and printer."""
    text = "[" * DEPTH_MAX + "]" * DEPTH_MAX
    assert edn_text(read(text)[0]) == text


_names = st.from_regex(r"[a-z][a-z0-9_.?!-]{0,6}(/[a-z]{1,3})?", fullmatch=True)
_atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    _names.map(Keyword),
    _names.filter(lambda name: name not in {"nil", "true", "false"}).map(Symbol),
    st.sampled_from(["a", "\n", " ", "é", "[", '"', "\0"]).map(Character),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(Fraction, st.integers(), st.integers(2, 99)).filter(lambda ratio: ratio.denominator > 1),
)
_keys = st.one_of(st.text(), _names.map(Keyword), st.tuples(st.text(), st.text()))
_values = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(_keys, inner, max_size=4),
        st.frozensets(_keys, max_size=4),
        st.builds(Tagged, _names, inner),
    ),
    max_leaves=12,
)


@given(st.lists(_values, max_size=4))
def test_what_is_printed_reads_back(values: list[Any]) -> None:
    """Printing and reading are inverse, for every sort of value, types included."""
    found = read(" ".join(map(edn_text, values)))
    assert found == values
    assert repr(found) == repr(values) or frozenset in map(type, _flat(values))


def _flat(value: Any) -> list[Any]:
    inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    if isinstance(value, Tagged):
        inner = [value.value]
    if not isinstance(inner, list | tuple | frozenset):
        return [value]
    return [value, *(leaf for one in inner for leaf in _flat(one))]


@given(st.text(alphabet='[](){}#_"\\:;,a1/.-+NM \n^@', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in any other way than with its own error."""
    refusals: list[EdnError] = []
    try:
        read(text)
    except EdnError as error:
        refusals.append(error)
    assert all(0 <= one.at <= len(text) and "\n" not in str(one) for one in refusals)


def test_bytes_are_printed_under_a_tag() -> None:
    """Bytes, which EDN has no form for, become hexadecimal digits under a tag of ours."""
    assert edn_text(b"\x00\xff") == '#anomalist/bytes "00ff"'


def test_control_characters_are_printed_as_escapes() -> None:
    """No raw control character, which a terminal would obey, leaves the printer."""
    assert edn_text("\0\x1b[2J\x9b\n") == r'"\u0000\u001b[2J\u009b\n"'
    assert edn_text(Character("\x1b")) == r"\u001b"
