"""XML to a small tree, without what makes XML dangerous.

expat loads nothing from outside by itself; entities of the document's own are
refused, and default values of attributes left out, because a few lines of them can
mean gigabytes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from batchfind.sources.elements import DEEPEST, MOST_ELEMENTS, FormatError

_DEEPEST: Final = 4 * DEEPEST
_MOST: Final = 8 * MOST_ELEMENTS
_MOST_DECLARED: Final = 256
"""Attributes a document type declares; expat looks at all of them in each element."""


@dataclass(slots=True)
class Tag:
    """An XML element.

    Attributes:
        name: without a namespace.
        attributes: name to value.
        line: on which it begins, from 1.
        children: elements directly within.
        text: character data directly within.
    """

    name: str
    attributes: dict[str, str]
    line: int
    children: list[Tag] = field(default_factory=list)
    text: str = ""


def parse_xml(raw: bytes) -> Tag:
    """The root element of an XML document.

    Args:
        raw: the document, in the encoding it declares.

    Returns:
        The root with everything within it.

    Raises:
        FormatError: with the line, for text that is no XML, for entity
            declarations, and for too many or too deeply nested elements or too many
            declarations of attributes.
    """
    builder = _Builder()
    try:
        builder.parser.Parse(raw, True)
    except expat.ExpatError as error:
        message = f"is no XML: {expat.ErrorString(error.code)}"
        raise FormatError(message, error.lineno) from None
    except (LookupError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError("is in an encoding XML cannot have here", 1) from None
    assert builder.root is not None  # noqa: S101 - expat refuses a document without
    return builder.root


class _Builder:
    """Builds the tree from expat's callbacks."""

    def __init__(self) -> None:
        self.root: Tag | None = None
        self.parser = expat.ParserCreate()
        self._open: list[Tag] = []
        self._texts: list[list[str]] = []
        self._count = 0
        self._declared = 0
        self.parser.buffer_text = True
        self.parser.specified_attributes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.EntityDeclHandler = self._entity
        self.parser.AttlistDeclHandler = self._attribute

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        self._count += 1
        if self._count > _MOST or len(self._open) >= _DEEPEST:
            raise FormatError("holds too many or too deeply nested elements", line)
        tag = Tag(name.rpartition(":")[2], attributes, line)
        if self._open:
            self._open[-1].children.append(tag)
        else:
            self.root = tag
        self._open.append(tag)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _data(self, text: str) -> None:
        self._texts[-1].append(text)

    def _entity(self, *_declaration: object) -> NoReturn:
        line = self.parser.CurrentLineNumber
        raise FormatError("declares an entity; write its text instead", line)

    def _attribute(self, *_declaration: object) -> None:
        self._declared += 1
        if self._declared > _MOST_DECLARED:
            line = self.parser.CurrentLineNumber
            raise FormatError("declares too many attributes", line)
