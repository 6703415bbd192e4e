"""A history at rest: sealed columns as .npy files that are loaded by memory map.

    run.json                the run information
    history/format.json     version, the columns' types, shapes and checksums, faults, what is missing
    history/<column>.npy    one file for each column; timestamps only where the target exposes them
    history/keys.msgpack, values.msgpack   the dictionaries

The same history gives the same bytes in `history/`; what differs from run to run is in run.json.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

from harness import codec
from harness.history import FORMAT_VERSION, Fault, History, RunInfo
from harness.trouble import StoreError

__all__ = [
    "STORE_VERSION",
    "load_history",
    "load_run_info",
    "read_versioned",
    "save_history",
    "save_run_info",
    "sealed",
    "write_atomically",
]

STORE_VERSION: Final = 2  # Only where there are timestamps; without them it is 1.

_COLUMNS: Final = {
    "client": "<i4",
    "status": "|i1",
    "start": "<i8",
    "end": "<i8",
    "error": "<i4",
    "op_offset": "<i8",
    "op_kind": "|i1",
    "op_key": "<i4",
    "op_value": "<i8",
    "op_length": "<i4",
    "elements": "<i4",
}
_TIMESTAMPS: Final = {"snapshot_timestamp": "<i8", "commit_timestamp": "<i8"}
_KINDS: Final = _COLUMNS | _TIMESTAMPS
_DICTIONARIES: Final = ("keys", "values")
_CHUNK_BYTES: Final = 1 << 24
_REMEDY: Final = "delete the folder so that the run is read from its events.log, or run it again"


_Kind = TypeVar("_Kind")


class _File(msgspec.Struct, frozen=True):
    """What must be true of one file: bytes in all, xxh3_64 of them, numbers or entries in it."""

    bytes: int
    xxh3_64: str
    entries: int


class _Format(msgspec.Struct, frozen=True):
    format_version: int
    files: dict[str, _File]
    faults: tuple[tuple[str, int, int, str], ...]
    cut: str


def save_history(history: History, directory: Path) -> None:
    """Write `history/` and run.json into `directory`, in place of older ones. Raises OSError.

    The folder appears under its name when all is in it: a reader never sees half a history.
    """
    save_run_info(history.info, directory)
    sealed_directory = directory / "history"
    partial = Path(tempfile.mkdtemp(prefix=".history-", dir=directory))
    try:
        partial.chmod(0o755)
        _write_columns(history, partial)
        if sealed_directory.exists():
            shutil.rmtree(sealed_directory)
        partial.rename(sealed_directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def load_history(directory: Path) -> History:
    """The history in `directory`. Raises StoreError where a file is missing, damaged or too new."""
    info = load_run_info(directory)
    folder = directory / "history"
    form = read_versioned(folder / "format.json", _Format, STORE_VERSION, _REMEDY)
    columns = {name: _load_column(folder, name, form) for name in _columns(form.format_version)}
    keys, values = (_load_dictionary(folder, name, form) for name in _DICTIONARIES)
    faults = tuple(Fault(*fault) for fault in form.faults)
    history = History(info=info, **columns, keys=keys, values=values, faults=faults, cut=form.cut)
    try:
        history._check()
    except (ValueError, IndexError) as error:
        raise StoreError(f"{folder} holds a {error}; {_REMEDY}") from error
    return history


def _columns(version: int) -> dict[str, str]:
    return _COLUMNS if version == 1 else _KINDS


def sealed(directory: Path) -> bool:
    """Whether `directory` holds a sealed history."""
    return (directory / "history" / "format.json").is_file()


def save_run_info(info: RunInfo, directory: Path) -> None:
    """Write run.json. Raises OSError."""
    write_atomically(directory / "run.json", msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")


def load_run_info(directory: Path) -> RunInfo:
    """Read run.json. Raises StoreError."""
    return read_versioned(directory / "run.json", RunInfo, FORMAT_VERSION, "name a run directory, or run it again")


def read_versioned(path: Path, kind: type[_Kind], version: int, remedy: str) -> _Kind:
    """A JSON file with a format_version as an instance of `kind`. Raises StoreError, ending in `remedy`."""
    try:
        data = path.read_bytes()
        found = msgspec.json.decode(data, type=_Versioned).format_version
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; {remedy}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is damaged ({error}); {remedy}") from error
    if not 1 <= found <= version:
        raise StoreError(
            f"{path} has format version {found} and this program reads version {version}; "
            "use the version of the program that wrote it"
        )
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise StoreError(f"{path} is damaged ({error}); {remedy}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Put `data` at `path` so that a reader sees the old file or the new one, never a part. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # A temporary file is private; results are as readable as other files are.
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Versioned(msgspec.Struct):
    format_version: int


def _write_columns(history: History, folder: Path) -> None:
    files = {}
    version = STORE_VERSION if len(history.commit_timestamp) else 1
    for name, kind in _columns(version).items():
        column = np.ascontiguousarray(getattr(history, name), dtype=kind)
        path = folder / f"{name}.npy"
        np.save(path, column, allow_pickle=False)
        files[name] = _described(path, len(column))
    for name in _DICTIONARIES:
        entries: Sequence[Any] = getattr(history, name)
        path = folder / f"{name}.msgpack"
        path.write_bytes(codec.encode(list(entries)))
        files[name] = _described(path, len(entries))
    faults = tuple((fault.name, fault.start, fault.end, fault.detail) for fault in history.faults)
    form = _Format(format_version=version, files=files, faults=faults, cut=history.cut)
    write_atomically(folder / "format.json", msgspec.json.format(msgspec.json.encode(form), indent=2) + b"\n")


def _described(path: Path, entries: int) -> _File:
    return _File(bytes=path.stat().st_size, xxh3_64=_checksum(path), entries=entries)


def _checksum(path: Path) -> str:
    digest = xxhash.xxh3_64()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return str(digest.hexdigest())


def _verified(folder: Path, name: str, ending: str, form: _Format) -> tuple[Path, _File]:
    """The path of one file whose bytes are those that were written. A flipped bit could turn a verdict."""
    path = folder / f"{name}{ending}"
    expected = form.files.get(name)
    if expected is None:
        raise StoreError(f"{folder / 'format.json'} is damaged (it lacks {name}); {_REMEDY}")
    try:
        if path.stat().st_size != expected.bytes or _checksum(path) != expected.xxh3_64:
            raise StoreError(f"{path} is damaged (its bytes are not those that were written); {_REMEDY}")
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}; {_REMEDY}") from error
    return path, expected


def _load_column(folder: Path, name: str, form: _Format) -> npt.NDArray[Any]:
    path, expected = _verified(folder, name, ".npy", form)
    try:
        column = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OverflowError, OSError, EOFError) as error:
        raise StoreError(f"{path} is damaged ({error}); {_REMEDY}") from error
    if column.dtype != np.dtype(_KINDS[name]) or column.shape != (expected.entries,):
        raise StoreError(f"{path} is damaged ({column.dtype} {column.shape} is not its form); {_REMEDY}")
    # Kernels are compiled for plain arrays; the map stays alive beneath.
    return np.asarray(column)


def _load_dictionary(folder: Path, name: str, form: _Format) -> tuple[Any, ...]:
    path, expected = _verified(folder, name, ".msgpack", form)
    try:
        entries = codec.decode(path.read_bytes())
    except ValueError as error:
        raise StoreError(f"{path} is damaged ({error}); {_REMEDY}") from error
    if not isinstance(entries, list) or len(entries) != expected.entries:
        raise StoreError(f"{path} is damaged (not {expected.entries} entries); {_REMEDY}")
    return tuple(entries)
