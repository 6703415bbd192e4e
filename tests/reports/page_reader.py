"""A page as the tests read it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "input", "br", "img", "link", "col"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of the page outside of style and script."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.pieces: list[str] = []
        self.inline: dict[str, str] = {"style": "", "script": ""}
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in self.inline:
            self.inline[self._open[-1]] += data
        else:
            self.text += data
            self.pieces.append(data)

    @property
    def words(self) -> str:
        """The text with one space between words and between elements."""
        return " ".join(" ".join(self.pieces).split()).replace(" ,", ",")

    def attribute(self, name: str) -> list[str]:
        return [attributes[name] or "" for _, attributes in self.elements if name in attributes]

    def having(self, tag: str, css: str = "") -> list[dict[str, str | None]]:
        named = [one for name, one in self.elements if name == tag]
        return [one for one in named if not css or css in (one.get("class") or "").split()]
