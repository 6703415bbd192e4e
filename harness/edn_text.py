"""Values as EDN text on one line: what `harness.edn` reads back as the same values.

Bytes become `#anomalist/bytes "hexadecimal"`; a value that EDN has no form for becomes its text, as a string.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from functools import singledispatch
from typing import Any, Final

from harness.edn import CHARACTERS, Character, Keyword, Symbol, Tagged

__all__ = ["BYTES_TAG", "edn_text"]

BYTES_TAG: Final = "anomalist/bytes"

_CONTROL: Final = {chr(code): f"\\u{code:04x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES: Final = str.maketrans(
    _CONTROL | {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", '"': '\\"', "\\": "\\\\"}
)
_CHARACTER_NAMES: Final = {text: name for name, text in CHARACTERS.items()}
_INT64: Final = range(-(2**63), 2**63)


@singledispatch
def edn_text(value: Any) -> str:
    """`value` as EDN."""
    return _string(str(value))


@edn_text.register
def _string(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'


@edn_text.register
def _nil(_: None) -> str:
    return "nil"


@edn_text.register
def _boolean(value: bool) -> str:
    return "true" if value else "false"


@edn_text.register
def _integer(value: int) -> str:
    return str(value) if value in _INT64 else f"{value}N"


@edn_text.register
def _float(value: float) -> str:
    if math.isnan(value):
        return "##NaN"
    if math.isinf(value):
        return "##Inf" if value > 0 else "##-Inf"
    return repr(value)


@edn_text.register(list)
@edn_text.register(tuple)
def _vector(values: Any) -> str:
    return f"[{' '.join(edn_text(one) for one in values)}]"


@edn_text.register
def _map(pairs: dict) -> str:  # type: ignore[type-arg]
    return "{" + ", ".join(f"{edn_text(key)} {edn_text(one)}" for key, one in pairs.items()) + "}"


@edn_text.register(set)
@edn_text.register(frozenset)
def _set(values: Any) -> str:
    return "#{" + " ".join(sorted(edn_text(one) for one in values)) + "}"


@edn_text.register
def _bytes(value: bytes) -> str:
    return f'#{BYTES_TAG} "{value.hex()}"'


@edn_text.register
def _keyword(value: Keyword) -> str:
    return f":{value.name}"


@edn_text.register
def _symbol(value: Symbol) -> str:
    return value.name


@edn_text.register
def _character(value: Character) -> str:
    text = value.text
    if text in _CHARACTER_NAMES:
        return f"\\{_CHARACTER_NAMES[text]}"
    return _CONTROL.get(text, f"\\{text}")


@edn_text.register
def _tagged(value: Tagged) -> str:
    return f"#{value.tag} {edn_text(value.value)}"


@edn_text.register
def _decimal(value: Decimal) -> str:
    return f"{value}M"


@edn_text.register
def _ratio(value: Fraction) -> str:
    return str(value)
