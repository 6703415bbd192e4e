"""Kernels that are compiled for a while, whatever the size of the histories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest

from checkers.compiling import compile_kernels

__all__ = ["compiled"]


@contextmanager
def compiled(*modules: ModuleType) -> Iterator[None]:
    """Inside, the kernels of these modules are compiled; afterwards they are what they were."""
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            for name in module.KERNELS:
                patch.setattr(module, name, getattr(module, name))  # So that it is undone.
            compile_kernels(module)
        yield
