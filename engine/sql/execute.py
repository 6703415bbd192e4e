"""One statement in one transaction: `execute` is what a database, a transaction and a namespace call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from engine.errors import SqlNameError, SqlTypeError, SqlUnsupported
from engine.models.packing import pack
from engine.models.space import Space
from engine.sql.expressions import Parameters
from engine.sql.parse import Parsed, parse
from engine.sql.select import select
from engine.sql.statements import CreateTable, Delete, DropTable, Insert, Select, Update
from engine.sql.tables import create_table, drop_table
from engine.sql.values import Value, checked_value
from engine.sql.write import Written, delete, insert, update

if TYPE_CHECKING:
    from engine.models.views import Views

__all__ = ["Result", "execute"]

_KIND: Final = "sql"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a statement did.

    `rows` are tuples in the order of `columns`, both empty but for SELECT. `changed` is how many rows were inserted,
    updated or deleted. `last_id` is the id of the last row inserted in a table with an INTEGER PRIMARY KEY.
    """

    columns: tuple[str, ...] = ()
    rows: list[tuple[Value, ...]] = field(default_factory=list)
    changed: int = 0
    last_id: int | None = None

    def dicts(self) -> list[dict[str, Value]]:
        """The rows by the names of their columns. Raises SqlNameError where two columns have the same name."""
        if len(set(self.columns)) < len(self.columns):
            raise SqlNameError("two columns have the same name: give them different ones with AS")
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def execute(owner: Views, text: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> Result:
    """Run the one statement of `text`, as a part of the owner's transaction or in one of its own.

    Raises SqlError, and what a transaction raises. Nothing of a statement that raises remains.
    """
    parsed = parse(text)
    bound = _bound(parsed, parameters)
    prefix = owner.space_prefix + pack((_KIND,))
    return owner.atomically(lambda transaction: _run(Space(transaction, prefix), parsed, bound))


def _run(space: Space, parsed: Parsed, parameters: Parameters) -> Result:
    try:
        return _RUNS[type(parsed.statement)](space, parsed.statement, parameters)
    except RecursionError:
        raise SqlUnsupported("expressions nested this deeply are not supported") from None


def _select(space: Space, statement: Select, parameters: Parameters) -> Result:
    columns, rows = select(space, statement, parameters)
    return Result(columns=columns, rows=rows)


def _written(write: Callable[[Space, Any, Parameters], Written]) -> Callable[[Space, Any, Parameters], Result]:
    def run(space: Space, statement: Any, parameters: Parameters) -> Result:
        changed, last_id = write(space, statement, parameters)
        return Result(changed=changed, last_id=last_id)

    return run


def _create(space: Space, statement: CreateTable, parameters: Parameters) -> Result:
    create_table(space, statement)
    return Result()


def _drop(space: Space, statement: DropTable, parameters: Parameters) -> Result:
    for name in statement.names:
        drop_table(space, name, statement.if_exists)
    return Result()


_RUNS: Final[Mapping[type, Callable[[Space, Any, Parameters], Result]]] = {
    Select: _select,
    Insert: _written(insert),
    Update: _written(update),
    Delete: _written(delete),
    CreateTable: _create,
    DropTable: _drop,
}


def _bound(parsed: Parsed, parameters: Sequence[object] | Mapping[str, object]) -> Parameters:
    """The values by number or name: as many as the statement takes. Raises SqlNameError and SqlTypeError."""
    if isinstance(parameters, Mapping):
        if parsed.positional:
            raise SqlTypeError("the parameters of a statement with ? are a sequence")
        missing, surplus = parsed.named - parameters.keys(), parameters.keys() - parsed.named
        if missing or surplus:
            wrong = ", ".join(sorted(f":{name}" for name in missing or surplus))
            raise SqlNameError(f"{'there is no value for' if missing else 'the statement does not have'} {wrong}")
        return {name: checked_value(value) for name, value in parameters.items()}
    if not isinstance(parameters, Sequence) or isinstance(parameters, str | bytes):
        raise SqlTypeError("parameters are a sequence of values, or a mapping of names to values")
    if parsed.named:
        raise SqlTypeError("the parameters of a statement with :name are a mapping")
    if len(parameters) != parsed.positional:
        raise SqlNameError(f"the statement has {parsed.positional} parameters, and here are {len(parameters)}")
    return {number: checked_value(value) for number, value in enumerate(parameters)}
