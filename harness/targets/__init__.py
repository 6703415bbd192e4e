"""The databases that can be tested, by name, and `load_target`, which makes one from how a user writes it.

reference                          a row of TARGETS
sochdb:path=/data,sync=full        with options
mypkg.mymod:MyTarget:port=5433     a class of the user's own, with options
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any, cast

from harness.target import Target, TargetUnavailable
from harness.trouble import described

__all__ = ["TARGETS", "load_target"]

# Each is imported when it is asked for. The extra of the package that brings its driver has the target's name.
TARGETS: dict[str, str] = {
    "reference": "harness.targets.reference:ReferenceTarget",
    "sochdb": "harness.targets.sochdb:SochDBTarget",
}

_MEMBERS = ("name", "version", "settings", "levels", "capabilities", "open", "session", "close")


def load_target(spec: str) -> Target:
    """The target that `spec` describes, made but not opened.

    Raises ValueError for an unknown name, option or class, and TargetUnavailable where a driver or a module
    cannot be imported; each with one sentence that says what to do.
    """
    name, _, rest = spec.partition(":")
    if name in TARGETS:
        return _made(_builtin(name), name, _options(name, rest))
    class_name, _, rest = rest.partition(":")
    if not class_name.isidentifier():
        raise ValueError(_unknown(name))
    own = f"{name}:{class_name}"
    return _made(_own(name, class_name), own, _options(own, rest))


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, TARGETS, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"unknown target {name!r}{hint}; known: {', '.join(TARGETS)}, or a class of yours as module.path:Class"


def _options(name: str, text: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in text.split(",") if text else ():
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"the option {part!r} of target {name} is not written key=value")
        options[key.strip()] = value
    return options


def _builtin(name: str) -> Any:
    module, _, class_name = TARGETS[name].partition(":")
    try:
        return getattr(importlib.import_module(module), class_name)
    except ImportError as error:
        raise TargetUnavailable(
            f"the target {name} lacks a package ({described(error)}): pip install 'anomalist[{name}]'"
        ) from error


def _own(module_name: str, class_name: str) -> Any:
    if os.getcwd() not in sys.path:
        # At the end, so that a folder of the user's never shadows one of ours.
        sys.path.append(os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise ValueError(f"there is no module {module_name!r} here; {_unknown(module_name)}") from error
        raise TargetUnavailable(f"the module {module_name} cannot be imported: {described(error)}") from error
    except (Exception, SystemExit) as error:
        raise TargetUnavailable(f"the module {module_name} cannot be imported: {described(error)}") from error
    made = getattr(module, class_name, None)
    if callable(made):
        return made
    raise ValueError(f"the module {module_name} has no class {class_name}")


def _made(factory: Any, name: str, options: Mapping[str, str]) -> Target:
    signature = inspect.signature(factory)
    try:
        signature.bind(**options)
    except TypeError as error:
        known = ", ".join(signature.parameters) or "none"
        raise ValueError(f"target {name} does not take these options ({error}); known: {known}") from error
    try:
        target = factory(**options)
    except (TargetUnavailable, ValueError):
        raise
    except ImportError as error:
        remedy = f"pip install 'anomalist[{name}]'" if name in TARGETS else "install what it needs"
        raise TargetUnavailable(f"the target {name} lacks a package ({described(error)}): {remedy}") from error
    except Exception as error:
        raise TargetUnavailable(f"the target {name} cannot be made: {described(error)}") from error
    lacking = [member for member in _MEMBERS if not hasattr(target, member)]
    if lacking:
        raise ValueError(f"{name} is not a target: it lacks {', '.join(lacking)}")
    return cast(Target, target)
