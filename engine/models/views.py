"""The calls that give the data models: the same on a database, on a transaction and on a namespace.

A model is imported when it is first asked for: numpy alone takes longer than the rest of the engine, and a namespace
has these calls itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from engine.keys import RESERVED

if TYPE_CHECKING:
    from engine.models.cache import Cache
    from engine.models.graph import Graph
    from engine.models.namespace import Namespace
    from engine.models.queue import Queue
    from engine.models.temporal import Temporal
    from engine.models.vectors import Metric, Vectors
    from engine.sql.execute import Result as SqlResult
    from engine.transaction import Transaction

__all__ = ["Views"]

Result = TypeVar("Result")


class Views(Protocol):
    """What has data models in it. A class that derives from it says how it runs something in a transaction."""

    __slots__ = ()

    space_prefix: bytes = RESERVED
    """What the keys of all its models' rows begin with."""

    def atomically(self, work: Callable[[Transaction], Result]) -> Result:
        """Run `work` in a transaction and return what it returned. Where it raises, nothing that it wrote remains."""
        ...

    def namespace(self, name: str) -> Namespace:
        """Keys and data models of their own, see `engine.models.namespace`."""
        from engine.models.namespace import Namespace

        return Namespace(self, name)

    def namespaces(self) -> list[str]:
        """The names, in order, of the namespaces that have something in them."""
        from engine.models.namespace import namespace_names

        return self.atomically(lambda transaction: namespace_names(transaction, self.space_prefix))

    def queue(self, name: str, visibility_seconds: float = 30, max_attempts: int = 3) -> Queue:
        """Tasks that are claimed by one worker at a time, see `engine.models.queue`."""
        from engine.models.queue import Queue

        return Queue(self, name, visibility_seconds, max_attempts)

    def graph(self, name: str) -> Graph:
        """Nodes and edges, see `engine.models.graph`."""
        from engine.models.graph import Graph

        return Graph(self, name)

    def temporal(self, name: str) -> Temporal:
        """Edges that are valid for a time, see `engine.models.temporal`."""
        from engine.models.temporal import Temporal

        return Temporal(self, name)

    def cache(self, name: str) -> Cache:
        """Values that are found by the likeness of an embedding, see `engine.models.cache`."""
        from engine.models.cache import Cache

        return Cache(self, name)

    def vectors(self, name: str, dimension: int | None = None, metric: Metric = "cosine") -> Vectors:
        """Vectors, and the nearest of them to a query, see `engine.models.vectors`."""
        from engine.models.vectors import Vectors

        return Vectors(self, name, dimension, metric)

    def execute(self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> SqlResult:
        """Run one SQL statement, whose parameters are written `?` or `:name`; see `engine.sql`."""
        from engine.sql.execute import execute

        return execute(self, statement, parameters)

    def sql(self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> SqlResult:
        """The same as `execute`."""
        return self.execute(statement, parameters)
