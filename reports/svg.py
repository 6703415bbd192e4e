"""Markup by hand: one function that writes an element, and escapes everything that is not markup already."""

from __future__ import annotations

from markupsafe import Markup, escape

from reports.values import visible

__all__ = ["number", "percent", "tag"]


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element. Attribute names lose a trailing `_` and turn `_` into `-`; those that are None are left out.

    `tag("text", "k8", x=4, class_="m", text_anchor="end")` is `<text x="4" class="m" text-anchor="end">k8</text>`.
    """
    written = "".join(f' {_name(key)}="{_text(value)}"' for key, value in attributes.items() if value is not None)
    inner = "".join(_text(child) for child in children)
    return Markup(f"<{name}{written}/>" if not children else f"<{name}{written}>{inner}</{name}>")  # noqa: S704


def number(value: float) -> str:
    """A coordinate with one decimal at most."""
    return f"{value:.1f}".removesuffix(".0")


def percent(share: float) -> str:
    """A share of the whole, kept within it, as a coordinate that stretches with the page."""
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")


def _text(value: str | float) -> str:
    if isinstance(value, Markup):
        return str(value)
    if isinstance(value, str):
        return str(escape(visible(value)))
    return number(value)
