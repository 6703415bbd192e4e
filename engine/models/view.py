"""What all models have in common: a name, rows of their own, and methods that run in one transaction each.

    class Counter(View):
        kind = "counter"

        @atomic
        def increment(self, space: Space, by: int) -> int: …      is called as counter.increment(5)

Through a transaction the method is a part of it; where it raises, nothing that it wrote remains. Through a database
it is a transaction of its own, which is run again after a conflict.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, ClassVar, Concatenate, ParamSpec, TypeVar

from engine.models.arguments import checked_name
from engine.models.packing import pack
from engine.models.space import Space

if TYPE_CHECKING:
    from engine.models.views import Views

__all__ = ["View", "atomic"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
AnyView = TypeVar("AnyView", bound="View")


class View:
    """A model under a name. Making one reads and writes nothing; two of one kind and name show the same rows."""

    kind: ClassVar[str]

    def __init__(self, owner: Views, name: str) -> None:
        self.name = checked_name(name, f"the name of a {self.kind}")
        self._owner = owner
        self._prefix = owner.space_prefix + pack((self.kind, self.name))

    def _run(self, work: Callable[[Space], Result]) -> Result:
        return self._owner.atomically(lambda transaction: work(Space(transaction, self._prefix)))


def atomic(
    method: Callable[Concatenate[AnyView, Space, Parameters], Result],
) -> Callable[Concatenate[AnyView, Parameters], Result]:
    """Make a method over a `Space` one that is called without it, see above."""

    @wraps(method)
    def call(self: AnyView, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._run(lambda space: method(self, space, *args, **kwargs))

    signature = inspect.signature(method)
    seen = [parameter for place, parameter in enumerate(signature.parameters.values()) if place != 1]
    call.__signature__ = signature.replace(parameters=seen)  # type: ignore[attr-defined]
    return call
