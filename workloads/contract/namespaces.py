"""Section O: what is in one namespace is not in another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from harness.contract import Check, Handle, Observed, Rig, Scenario, holds, outcome, same

__all__ = ["NAMESPACES"]

# Ten, and two of them with names that begin alike.
_TENANTS: Final = (*(f"tenant_{number}" for number in range(9)), "tenant_10")
_KEYS: Final = tuple(f"key_{number:03d}" for number in range(100))


def _apart(rig: Rig) -> Iterator[Observed]:
    db = rig.open()
    for tenant in _TENANTS:
        for key in _KEYS:
            db.call("ns_put", tenant, key, _value(tenant, key))
    wrong = [
        (tenant, key, seen)
        for tenant in _TENANTS
        for key in _KEYS
        if (seen := outcome(db.call, "ns_get", tenant, key)) != _value(tenant, key)
    ]
    told = f"{len(wrong)} of 1,000 keys in ten namespaces have another value"
    yield holds("O1.1", not wrong, f"{told}: {wrong[0]}" if wrong else told)
    if rig.has("ns_scan"):
        yield same("O1.2", _wrong_rows(db, "tenant_0"), [], "rows of tenant_0 by a scan that are too many or too few")
        # A name and a key that are joined without an end between them: tenant_1 and 0key_00 are tenant_10 and key_00.
        alike = [_wrong_rows(db, tenant, "") for tenant in ("tenant_1", "tenant_10")]
        through = outcome(db.call, "ns_get", "tenant_1", f"0{_KEYS[0]}")
        what = "such rows of all of tenant_1, of all of tenant_10, and a key of tenant_10 by way of tenant_1"
        yield same("O1.3", [*alike, through], [[], [], None], what)
    if rig.has("ns_delete"):
        key = _KEYS[0]
        outcome(db.call, "ns_delete", "tenant_1", key)
        seen = {tenant: outcome(db.call, "ns_get", tenant, key) for tenant in _TENANTS}
        left = {tenant: None if tenant == "tenant_1" else _value(tenant, key) for tenant in _TENANTS}
        yield same("O1.4", seen, left, "a key in all namespaces after it was deleted in tenant_1")


def _value(tenant: str, key: str) -> bytes:
    return f"{tenant} has {key}".encode()


def _wrong_rows(db: Handle, tenant: str, prefix: str = "key_") -> Any:
    """Rows that a scan should not have or should have; an exception as it is."""
    seen = outcome(db.call, "ns_scan", tenant, prefix)
    if not isinstance(seen, list):
        return seen
    expected = [(key, _value(tenant, key)) for key in _KEYS]
    rows = [tuple(one) for one in seen]
    return [] if rows == expected else [*sorted(set(rows) ^ set(expected)), f"{len(rows)} rows in all"]


NAMESPACES: Final[tuple[Scenario, ...]] = (
    Scenario(
        id="O1",
        title="Ten namespaces of 100 keys",
        severity="critical",
        checks=(
            Check("O1.1", "Every key has in each of ten namespaces the value that was put there"),
            Check("O1.2", "A scan of a namespace finds its 100 rows and no other", ("ns_scan",)),
            Check("O1.3", "Namespaces whose names begin alike do not share rows", ("ns_scan",), ours=True),
            Check("O1.4", "A key that is deleted in one namespace stays in the others", ("ns_delete",), ours=True),
        ),
        program=_apart,
        time_limit_s=120.0,  # Where each of 1,000 puts waits for a disk.
        calls=("ns_put", "ns_get"),
        impact="One tenant reads or deletes another one's data.",
        advice="End or length-prefix the namespace's name where keys are made of it.",
    ),
)
