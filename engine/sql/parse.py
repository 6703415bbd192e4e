"""Text to statement: sqlglot reads the text (as SQLite's dialect), `parse_statement.py` translates what it found.

sqlglot reads more than this engine has and forgives more than it should. So everything of its tree that is not
translated is refused by name, and what the tree no longer shows is looked for among the tokens.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, Final, NamedTuple

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ParseError, TokenError
from sqlglot.parsers.sqlite import SQLiteParser

from engine.errors import SqlError, SqlSyntaxError, SqlTypeError, SqlUnsupported
from engine.sql.parse_expression import ParameterPlaces
from engine.sql.parse_statement import statement_of
from engine.sql.statements import Statement

__all__ = ["Parsed", "parse"]

CACHED_LENGTH_MAX: Final = 4096  # characters; a longer text is most likely full of values

_NEVER_AFTER_A_COMMA: Final = {
    TokenType.COMMA,
    TokenType.FROM,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.LIMIT,
    TokenType.OFFSET,
    TokenType.ORDER_BY,
    TokenType.R_PAREN,
    TokenType.SEMICOLON,
    TokenType.WHERE,
}


class Parsed(NamedTuple):
    """A statement, and the parameters that it takes: so many `?`, or these names."""

    statement: Statement
    positional: int
    named: frozenset[str]


def parse(text: str) -> Parsed:
    """The one statement of `text`.

    Raises SqlSyntaxError where it is none or more than one, SqlUnsupported for what this engine does not have, and
    SqlValueError for a number outside its type.
    """
    if not isinstance(text, str):
        raise SqlTypeError(f"a statement is text, not {type(text).__name__}")
    return _parse_cached(text) if len(text) <= CACHED_LENGTH_MAX else _parse(text)


class _Dialect(SQLite):
    """SQLite's, without the warnings about paths in JSON, which this engine refuses anyway."""

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        return path


class _Parser(SQLiteParser):
    """Knows where each `?` stands, and refuses what sqlglot would pass through as opaque text, with a warning."""

    PLACEHOLDER_PARSERS: ClassVar[dict[TokenType, Any]] = {
        **SQLiteParser.PLACEHOLDER_PARSERS,
        TokenType.PLACEHOLDER: lambda self: exp.Placeholder().update_positions(self._prev),
    }

    def _warn_unsupported(self) -> None:
        raise SqlUnsupported(f"this form of {self._tokens[0].text.upper()} is not supported")


def _parse(text: str) -> Parsed:
    try:
        tokens, trees = _read(text)
        found = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
        if len(found) != 1:
            raise SqlSyntaxError(f"one call takes exactly one statement, and here are {len(found)}")
        places = ParameterPlaces([token.start for token in tokens if token.token_type is TokenType.PLACEHOLDER])
        return Parsed(statement_of(found[0], places), *places.taken())
    except RecursionError:
        raise SqlUnsupported("expressions nested this deeply are not supported") from None


def _read(text: str) -> tuple[list[Token], list[exp.Expr | None]]:
    dialect = _Dialect()
    try:
        tokens = dialect.tokenize(text)
        _refuse_forgiven(tokens)
        return tokens, _Parser(dialect=dialect).parse(tokens, text)
    except (SqlError, RecursionError):
        raise
    except ParseError as error:
        raise SqlSyntaxError(_without_markup(error)) from None
    except TokenError:
        raise SqlSyntaxError("the text ends within a string, a name or a comment") from None
    except Exception as error:  # Some nonsense makes sqlglot stumble over itself.
        raise SqlSyntaxError(f"the parser makes nothing of it: {error}") from error


_parse_cached = lru_cache(maxsize=512)(_parse)


def _refuse_forgiven(tokens: list[Token]) -> None:
    """What sqlglot reads over: a comma that nothing follows, FROM without SELECT, and 1_000, which it reads as 1."""
    if tokens and tokens[0].token_type is TokenType.FROM:
        raise SqlSyntaxError("a statement does not begin with FROM")
    if sum(token.token_type is TokenType.JOIN for token in tokens) > 1:
        raise SqlUnsupported("JOIN of more than two tables is not supported")  # It tries 2^n ways to read n of them.
    for token, following in pairwise([*tokens, Token(TokenType.SEMICOLON, ";")]):
        place = f"line {token.line}, column {token.col}"
        if token.token_type is TokenType.COMMA and following.token_type in _NEVER_AFTER_A_COMMA:
            raise SqlSyntaxError(f"nothing follows the comma in {place}")
        joined = token.token_type is TokenType.NUMBER and following.token_type is TokenType.VAR
        if joined and following.start == token.end + 1:
            raise SqlSyntaxError(f"a number runs into a name in {place}")


def _without_markup(error: ParseError) -> str:
    """sqlglot's sentence and place, without its class names and the excerpt that it underlines for a terminal."""
    first = error.errors[0]
    sentence = str(first["description"]).rstrip(".")
    incomplete = re.search(r"missing for <class '[\w.]*\.(\w+)'>", sentence)
    if incomplete is not None:
        sentence = f"{incomplete[1].upper()} is not complete"
    return f"{sentence}, in line {first['line']}, column {first['col']}"
