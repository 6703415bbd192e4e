"""What a run was made with: versions and machine, as rows for the report. No names of users or hosts."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import anomalist

__all__ = ["environment_rows", "installed_version"]

_SHOWN = ("numpy", "numba", "msgspec")


def installed_version(distribution: str) -> str:
    """The version of an installed distribution, empty where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def environment_rows() -> tuple[tuple[str, str], ...]:
    """(name, value) rows, the same for every run of one installation on one machine."""
    return (
        ("anomalist", anomalist.__version__),
        ("python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, installed_version(name) or "not installed") for name in _SHOWN),
        ("system", f"{platform.system()} {platform.machine()}"),
        ("cores", str(os.cpu_count() or "unknown")),
    )
