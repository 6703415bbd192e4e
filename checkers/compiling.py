"""One source for two ways of running: a module's kernels as they stand, or compiled.

A kernel is a plain function over numpy arrays and numbers. Small histories run it as it stands: no wait for a
compiler, numba is not even imported. Above a threshold `compile_kernels(module)` rebinds every name in the module's
`KERNELS` to its compiled form, cached on disk between runs. Callers therefore go through the module
(`kernels.peel(...)`), and a kernel may call only those listed before it.
"""

from __future__ import annotations

from types import ModuleType

__all__ = ["COMPILE_ABOVE_OPS", "compile_kernels", "prepare"]

COMPILE_ABOVE_OPS = 60_000


def prepare(module: ModuleType, ops: int) -> None:
    """Compile the kernels of `module` if a history of that many operations is worth it."""
    if ops > COMPILE_ABOVE_OPS:
        compile_kernels(module)


def compile_kernels(module: ModuleType) -> None:
    """Replace every kernel of `module` by its compiled form. Calling it again does nothing."""
    names: tuple[str, ...] = module.KERNELS
    if hasattr(getattr(module, names[0]), "py_func"):
        return
    from numba import njit

    for name in names:
        setattr(module, name, njit(cache=True, nogil=True)(getattr(module, name)))
