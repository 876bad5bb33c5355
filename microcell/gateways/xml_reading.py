"""XML read without trust: no DTD, no entities, bounded depth and number of elements; every element knows its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces

from microcell.description.source import Unusable

MAX_ELEMENTS, MAX_DEPTH, MAX_TEXT = 50_000, 50, 10_000


@dataclass
class Element:
    """An element with its local name, its place in the file (from 1), and the path of names that leads to it."""

    name: str
    namespace: str
    line: int
    column: int
    path: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    """By their names without namespaces."""
    children: list[Element] = field(default_factory=list)

    def first(self, *names: str) -> Element | None:
        """The first child of one of these names."""
        return next((child for child in self.children if child.name in names), None)

    def every(self, name: str) -> Iterator[Element]:
        """Every element of a name below this one."""
        for child in self.children:
            if child.name == name:
                yield child
            else:
                yield from child.every(name)

    def deep(self, name: str) -> Element | None:
        """The first element of a name below this one."""
        return next(self.every(name), None)


class _Builder(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:
        self._locator = locator

    def startElementNS(self, name: tuple[str | None, str], qname: str | None, attrs: Any) -> None:
        line, column = self._locator.getLineNumber(), self._locator.getColumnNumber() + 1
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            limits = f"at most {MAX_ELEMENTS} elements and {MAX_DEPTH} levels are read. Split the file."
            raise Unusable("the document is too large or too deep", limits, line, column)
        path = f"{self._open[-1].path}.{name[1]}" if self._open else name[1]
        given = {key[1]: value for key, value in attrs.items()}
        element = Element(name[1], name[0] or "", line, column, path, attributes=given)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:
        element = self._open.pop()
        element.text = element.text.strip()

    def characters(self, content: str) -> None:
        if self._open and len(self._open[-1].text) < MAX_TEXT:
            self._open[-1].text += content


def parse_xml(content: bytes) -> Element:
    """The root element; Unusable for what is no XML, or is XML that must not be trusted."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.sax import make_parser

    builder = _Builder()
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(builder)
    try:
        parser.parse(BytesIO(content))
    except DefusedXmlException:
        line = parser.getLineNumber() or 1
        raise Unusable("the document has a DTD or entities", "orders need none. Remove '<!DOCTYPE ...>'.", line) from None
    except SAXParseException as error:
        place = error.getLineNumber() or 1, (error.getColumnNumber() or 0) + 1
        what = f"this is not XML ({error.getMessage()})"
        raise Unusable(what, "check tags, quotes and encoding here. Correct the text.", *place) from None
    except (ValueError, LookupError) as error:
        raise Unusable(f"this is not XML ({error})", "save it as UTF-8. Correct the text.") from None
    if builder.root is None:
        raise Unusable("the document is empty", "a B2MML document is needed. Correct the file.")
    return builder.root
