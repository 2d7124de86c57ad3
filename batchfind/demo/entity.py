"""What a demo peer stores about a patient, a study or a scheduled step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from batchfind.dicom.dictionary import tag_of
from batchfind.dicom.matching import Stored

Facts: TypeAlias = "Mapping[str, str | Sequence[str] | Sequence[Facts]]"


@dataclass(frozen=True, slots=True)
class Entity:
    r"""One possible match.

    Attributes:
        attributes: tag to texts, or to items for a sequence; absent means empty.
        charset: terms of (0008,0005) its texts are encoded in, empty for the
            default repertoire.
    """

    attributes: Mapping[int, Stored]
    charset: tuple[str, ...] = field(default=())

    def text(self, tag: int) -> str:
        """The values of one attribute, joined by a backslash; empty when absent."""
        return "\\".join(
            value for value in self.attributes.get(tag, ()) if isinstance(value, str)
        )


def tag_named(keyword: str) -> int:
    """The tag of a keyword of PS3.6.

    Raises:
        KeyError: when there is none.
    """
    found = tag_of(keyword)
    if found is None:
        raise KeyError(keyword)
    return found


def stored(facts: Facts) -> dict[int, Stored]:
    """Attributes by tag out of attributes by keyword.

    Args:
        facts: keyword to one text, a list of texts, or a list of items.

    Returns:
        Tag to list of texts, or to list of items.
    """
    return {tag_named(keyword): _values(value) for keyword, value in facts.items()}


def _values(value: str | Sequence[str] | Sequence[Facts]) -> Stored:
    if isinstance(value, str):
        return [value] if value else []
    texts = [one for one in value if isinstance(one, str)]
    items = [stored(one) for one in value if not isinstance(one, str)]
    return items or texts
