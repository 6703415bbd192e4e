"""Statements: from sqlglot's tree to ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlglot import exp

from engine.errors import SqlSyntaxError, SqlUnsupported
from engine.sql.parse_expression import ParameterPlaces, expression_of, identifier, only, refuse, type_of
from engine.sql.statements import (
    Assignment,
    Column,
    CreateTable,
    Default,
    Delete,
    DropTable,
    Expression,
    Insert,
    Item,
    Join,
    Literal,
    OnConflict,
    Order,
    Select,
    Star,
    Statement,
    TableName,
    Update,
)
from engine.sql.values import SqlType, Value

__all__ = ["statement_of"]


def statement_of(node: exp.Expr, places: ParameterPlaces) -> Statement:
    """The statement of a tree. Raises SqlUnsupported, naming the construct, for what this engine does not have."""
    translate = _STATEMENTS.get(type(node))
    if translate is None:
        if isinstance(node, exp.Condition | exp.Alias) and not isinstance(node, exp.Query):
            raise SqlSyntaxError("a statement begins with SELECT, INSERT, UPDATE, DELETE, CREATE or DROP")
        if isinstance(node, exp.Command):
            raise SqlUnsupported(f"{node.name.upper()} is not supported")
        refuse(node)
    return translate(node, places)


def _select(node: exp.Expr, places: ParameterPlaces) -> Select:
    only(node, "expressions", "distinct", "from_", "joins", "where", "group", "having", "order", "limit", "offset")
    if not node.expressions:
        raise SqlSyntaxError("SELECT names nothing to select")
    group, order, distinct = (node.args.get(part) for part in ("group", "order", "distinct"))
    for clause, parts in ((group, ("expressions",)), (order, ("expressions",)), (distinct, ())):
        if clause is not None:
            only(clause, *parts)
    return Select(
        items=tuple([_item(one, places) for one in node.expressions]),
        distinct=distinct is not None,
        table=_from(node),
        join=_join(node, places),
        where=_clause(node, "where", "this", places),
        group=None if group is None else tuple([expression_of(one, places) for one in group.expressions]),
        having=_clause(node, "having", "this", places),
        order=() if order is None else tuple([_order(one, places) for one in order.expressions]),
        limit=_clause(node, "limit", "expression", places),
        offset=_clause(node, "offset", "expression", places),
    )


def _clause(node: exp.Expr, clause: str, part: str, places: ParameterPlaces) -> Expression | None:
    found = node.args.get(clause)
    if found is None:
        return None
    if clause == "limit" and not isinstance(found, exp.Limit):
        refuse(found)
    only(found, part)
    return expression_of(found.args.get(part), places)


def _item(node: exp.Expr, places: ParameterPlaces) -> Item | Star:
    if isinstance(node, exp.Star):
        only(node)
        return Star(None)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        only(node, "this", "table")
        only(node.this)
        return Star(identifier(node.args.get("table")))
    if isinstance(node, exp.Alias):
        only(node, "this", "alias")
        return Item(expression_of(node.this, places), identifier(node.args["alias"]))
    expression = expression_of(node, places)
    return Item(expression, node.name if isinstance(node, exp.Column) else node.sql(dialect="sqlite"))


def _from(node: exp.Expr) -> TableName | None:
    found = node.args.get("from_")
    if found is None:
        return None
    only(found, "this")
    return _table(found.this)


def _table(node: object) -> TableName:
    if not isinstance(node, exp.Table):
        refuse(node)
    only(node, "this", "alias")
    if node.args.get("indexed") is not None:
        raise SqlUnsupported("NOT INDEXED is not supported")
    name = identifier(node.this)
    alias = node.args.get("alias")
    if alias is None:
        return TableName(name, name)
    only(alias, "this")
    return TableName(name, identifier(alias.this))


def _table_without_alias(node: object, what: str) -> str:
    table = _table(node)
    if isinstance(node, exp.Table) and node.args.get("alias") is not None:
        raise SqlUnsupported(f"an alias in {what} is not supported")
    return table.name


def _join(node: exp.Expr, places: ParameterPlaces) -> Join | None:
    joins = node.args.get("joins") or []
    if not joins:
        return None
    if len(joins) > 1:
        raise SqlUnsupported("JOIN of more than two tables is not supported")
    (join,) = joins
    only(join, "this", "on", "side", "kind")
    side, kind = (str(join.args.get(part) or "").upper() for part in ("side", "kind"))
    if side not in {"", "LEFT"} or kind not in {"", "INNER", "OUTER", "CROSS"}:
        raise SqlUnsupported(f"{' '.join(f'{side} {kind}'.split())} JOIN is not supported")
    condition = join.args.get("on")
    on = Literal(True, bool) if condition is None else expression_of(condition, places)
    return Join(_table(join.this), side == "LEFT", on)


def _order(node: exp.Expr, places: ParameterPlaces) -> Order:
    only(node, "this", "desc", "nulls_first")
    return Order(expression_of(node.this, places), bool(node.args.get("desc")), bool(node.args.get("nulls_first")))


def _insert(node: exp.Expr, places: ParameterPlaces) -> Insert:
    only(node, "this", "expression", "default", "conflict")
    target, columns = node.this, None
    if isinstance(target, exp.Schema):
        only(target, "this", "expressions")
        target, columns = target.this, tuple([identifier(one) for one in target.expressions])
    table = _table_without_alias(target, "INSERT")
    conflict = node.args.get("conflict")
    on_conflict = None if conflict is None else _on_conflict(conflict, places)
    if node.args.get("default"):
        return Insert(table, (), ((),), on_conflict)
    return Insert(table, columns, _rows(node.args.get("expression"), places), on_conflict)


def _rows(node: object, places: ParameterPlaces) -> tuple[tuple[Expression | Default, ...], ...]:
    if isinstance(node, exp.Select):
        raise SqlUnsupported("INSERT with SELECT is not supported")
    if not isinstance(node, exp.Values):
        refuse(node)
    only(node, "expressions")
    return tuple([_row(row, places) for row in node.expressions])


def _row(node: exp.Expr, places: ParameterPlaces) -> tuple[Expression | Default, ...]:
    if not isinstance(node, exp.Tuple):
        refuse(node)
    only(node, "expressions")
    return tuple([
        Default() if isinstance(one, exp.Var) and one.name.upper() == "DEFAULT" else expression_of(one, places)
        for one in node.expressions
    ])  # fmt: skip


def _on_conflict(node: exp.Expr, places: ParameterPlaces) -> OnConflict:
    only(node, "action", "conflict_keys", "expressions", "where")
    action = "" if node.args.get("action") is None else node.args["action"].name.upper()
    if action not in {"DO NOTHING", "DO UPDATE"}:
        raise SqlSyntaxError("ON CONFLICT says DO NOTHING or DO UPDATE")
    columns = tuple([_conflict_column(one) for one in node.args.get("conflict_keys") or []])
    if action == "DO NOTHING":
        return OnConflict(columns, None, None)
    if not columns:
        raise SqlSyntaxError("ON CONFLICT DO UPDATE names the columns of the conflict")
    return OnConflict(columns, _assignments(node, places), _clause(node, "where", "this", places))


def _conflict_column(node: exp.Expr) -> str:
    if isinstance(node, exp.Ordered):
        only(node, "this", "nulls_first")
        node = node.this
    if isinstance(node, exp.Column):
        only(node, "this")
        node = node.this
    return identifier(node)


def _update(node: exp.Expr, places: ParameterPlaces) -> Update:
    only(node, "this", "expressions", "where")
    return Update(_table(node.this), _assignments(node, places), _clause(node, "where", "this", places))


def _assignments(node: exp.Expr, places: ParameterPlaces) -> tuple[Assignment, ...]:
    assignments = []
    for one in node.expressions:
        if not isinstance(one, exp.EQ) or not isinstance(one.this, exp.Column):
            raise SqlSyntaxError("SET is a list of column = expression")
        only(one.this, "this")
        assignments.append(Assignment(identifier(one.this.this), expression_of(one.expression, places)))
    return tuple(assignments)


def _delete(node: exp.Expr, places: ParameterPlaces) -> Delete:
    only(node, "this", "where")
    return Delete(_table(node.args.get("this")), _clause(node, "where", "this", places))


def _create(node: exp.Expr, places: ParameterPlaces) -> CreateTable:
    if node.args.get("kind") != "TABLE":
        raise SqlUnsupported(f"CREATE {node.args.get('kind')} is not supported")
    properties = node.args.get("properties")
    if properties is not None:
        refuse(properties.expressions[0])
    if node.args.get("expression") is not None:
        raise SqlUnsupported("CREATE TABLE AS is not supported")
    only(node, "this", "kind", "exists")
    schema = node.this
    if not isinstance(schema, exp.Schema):
        raise SqlSyntaxError("CREATE TABLE names its columns in parentheses")
    only(schema, "this", "expressions")
    builder = _TableBuilder(places)
    for part in schema.expressions:
        builder.add(part)
    name = _table_without_alias(schema.this, "CREATE TABLE")
    return builder.statement(name, bool(node.args.get("exists")))


class _TableBuilder:
    """Collects the columns and keys of CREATE TABLE, wherever in it they are declared."""

    def __init__(self, places: ParameterPlaces) -> None:
        self._places = places
        self._columns: list[Column] = []
        self._primary_keys: list[tuple[str, ...]] = []
        self._unique: list[tuple[str, ...]] = []
        self._counted: list[str] = []

    def add(self, node: exp.Expr) -> None:
        """Take one part of the list in parentheses."""
        if isinstance(node, exp.ColumnDef):
            self._columns.append(self._column(node))
        elif isinstance(node, exp.PrimaryKey):
            only(node, "expressions", "include")
            if node.args.get("include") is not None:
                only(node.args["include"])
            self._primary_keys.append(_key_columns(node))
        elif isinstance(node, exp.UniqueColumnConstraint) and isinstance(node.this, exp.Schema):
            only(node, "this")
            only(node.this, "expressions")
            self._unique.append(_key_columns(node.this))
        elif isinstance(node, exp.Identifier):
            raise SqlSyntaxError(f"the column {node.name} has no type")
        else:
            refuse(node)

    def statement(self, name: str, if_not_exists: bool) -> CreateTable:
        """The statement. Raises SqlSyntaxError where there is no column, or more than one primary key."""
        if not self._columns:
            raise SqlSyntaxError("a table has at least one column")
        if len(self._primary_keys) > 1:
            raise SqlSyntaxError("a table has one PRIMARY KEY")
        primary_key = self._primary_keys[0] if self._primary_keys else ()
        types = {column.name: column.sql_type for column in self._columns}
        for counted in self._counted:
            if primary_key != (counted,) or types[counted] is not SqlType.INTEGER:
                raise SqlUnsupported("AUTOINCREMENT of anything but an INTEGER PRIMARY KEY is not supported")
        return CreateTable(name, if_not_exists, tuple(self._columns), primary_key, tuple(self._unique))

    def _column(self, node: exp.ColumnDef) -> Column:
        only(node, "this", "kind", "constraints")
        name = identifier(node.this)
        if node.args.get("kind") is None:
            raise SqlSyntaxError(f"the column {name} has no type")
        sql_type, length_max = type_of(node.args["kind"])
        settings: dict[str, Any] = {}
        for constraint in node.args.get("constraints") or []:
            only(constraint, "kind")
            self._constrain(name, constraint.args["kind"], settings)
        return Column(name=name, sql_type=sql_type, length_max=length_max, **settings)

    def _constrain(self, name: str, node: exp.Expr, settings: dict[str, Any]) -> None:
        if isinstance(node, exp.NotNullColumnConstraint):
            only(node, "allow_null")
            _refuse_twice("not_null", settings, f"NULL or NOT NULL of {name}")
            settings["not_null"] = not node.args.get("allow_null")
        elif isinstance(node, exp.DefaultColumnConstraint):
            only(node, "this")
            _refuse_twice("default", settings, f"DEFAULT of {name}")
            settings["default"] = _constant(node.this, self._places)
        elif isinstance(node, exp.PrimaryKeyColumnConstraint):
            only(node)
            self._primary_keys.append((name,))
        elif isinstance(node, exp.UniqueColumnConstraint):
            only(node)
            self._unique.append((name,))
        elif isinstance(node, exp.AutoIncrementColumnConstraint):
            only(node)
            self._counted.append(name)
        else:
            refuse(node)


def _refuse_twice(setting: str, settings: dict[str, Any], what: str) -> None:
    if setting in settings:
        raise SqlSyntaxError(f"{what} is said twice")


def _constant(node: object, places: ParameterPlaces) -> Value:
    expression = expression_of(node, places)
    if not isinstance(expression, Literal):
        raise SqlUnsupported("DEFAULT of anything but a literal is not supported")
    return expression.value


def _key_columns(node: exp.Expr) -> tuple[str, ...]:
    return tuple([_conflict_column(one) for one in node.expressions])


def _drop(node: exp.Expr, places: ParameterPlaces) -> DropTable:
    if node.args.get("kind") != "TABLE":
        raise SqlUnsupported(f"DROP {node.args.get('kind')} is not supported")
    only(node, "tables", "kind", "exists")
    names = tuple([_table_without_alias(table, "DROP TABLE") for table in node.args.get("tables") or []])
    if not names:
        raise SqlSyntaxError("DROP TABLE names a table")
    return DropTable(names, bool(node.args.get("exists")))


_STATEMENTS: Final[Mapping[type, Callable[[exp.Expr, ParameterPlaces], Statement]]] = {
    exp.Select: _select,
    exp.Insert: _insert,
    exp.Update: _update,
    exp.Delete: _delete,
    exp.Create: _create,
    exp.Drop: _drop,
}
