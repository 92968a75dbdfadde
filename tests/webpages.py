"""Reads a written page back: its markup with an HTML parser, its data, its drawings as figures with full paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cached_property
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tests.pictures import SVG

VOID = {"meta", "input", "link", "br", "img"}
RAW = {"script", "style", "title"}


class Page(HTMLParser):
    """One page: `elements` are tags with their attributes, in order; `texts` what stands between tags, with the tag."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.source = data.decode()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(self.source)
        self.close()
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if "id" in attributes]

    def of(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name == tag)

    def inside(self, tag: str) -> list[str]:
        """What stands in the elements of one kind that hold text only."""
        return re.findall(f"<{tag}(?: [^>]*)?>(.*?)</{tag}>", self.source, re.S)

    @cached_property
    def data(self) -> dict[str, Any]:
        (text,) = re.findall('<script type="application/json" id="data">(.*?)</script>', self.source, re.S)
        found: dict[str, Any] = json.loads(text)
        return found

    @property
    def places(self) -> dict[str, dict[str, Any]]:
        return self.data["places"]  # type: ignore[no-any-return]

    @cached_property
    def drawings(self) -> list[str]:
        return re.findall(r"<template id=\"drawing-\d+\">(.*?)</template>", self.source, re.S)

    def level(self, path: str) -> Element:
        """The drawing of a scope's inside, with full paths, as if it were a figure of its own."""
        text = self.drawings[self.places[path]["drawing"]]
        root = ElementTree.fromstring(text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
        for element in root.iter():
            for name in ("path", "value", "alike", "nodes", "from", "to"):
                if f"data-{name}" in element.attrib:
                    element.set(f"data-{name}", absolute(element.attrib[f"data-{name}"], path))
        return root

    def boxes(self, path: str) -> set[str]:
        """The paths of the boxes that a level shows: groups with a path and none within."""
        groups = [g for g in self.level(path).iter(f"{SVG}g") if g.get("data-path")]
        return {g.attrib["data-path"] for g in groups if not any(i.get("data-path") for i in g.iter() if i is not g)}


def absolute(text: str, level: str) -> str:
    """Paths of a drawing as the script of the page reads them: those of a list in turn."""

    def one(path: str) -> str:
        if path == ".":
            return level
        return f"{level}.{path}" if level and path and not path.startswith((":", "tag ")) else path

    if text.startswith("tag "):
        return text
    return "; ".join(" ".join(map(one, part.split(" "))) for part in text.split("; "))
