"""Between pydicom's data sets and the values the demo peers match.

Text is read from the bytes without pydicom's validation, since a matching key such
as `1*` or a date range is no valid value of its VR, only a valid key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pydicom import charset, config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items

from batchfind.demo.entity import Entity
from batchfind.dicom.dictionary import vr_of
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.matching import Stored

CHARACTER_SET: Final = 0x00080005

_DELIMITERS: Final = {ord("\\"), ord("^"), ord("="), 9, 10, 12, 13}
_TEXT: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_ASCII: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"})
_INTEGER: Final = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
_FLOAT: Final = frozenset({"FD", "FL"})


def charset_of(data_set: Dataset) -> tuple[str, ...]:
    """The terms of (0008,0005); none for the default repertoire."""
    terms = tuple(_texts(data_set, CHARACTER_SET, "CS", ["latin_1"]))
    return terms if any(terms) else ()


def identifier_of(data_set: Dataset, inherited: tuple[str, ...] = ()) -> Identifier:
    """The keys of a request, decoded.

    Args:
        data_set: as received.
        inherited: character sets of the enclosing data set, for an item.

    Returns:
        Elements in ascending tag order; what holds no text becomes an empty `UN`.

    Source: PS3.4 Section C.2.2.
    """
    terms = charset_of(data_set) or inherited
    return tuple(_element(data_set, tag, terms) for tag in sorted(data_set.keys()))


def texts_of(data_set: Dataset, tag: int, terms: tuple[str, ...]) -> list[str]:
    """The values of one attribute without padding; none when absent or empty.

    Args:
        data_set: as read or received.
        tag: of any attribute but a sequence.
        terms: of (0008,0005).
    """
    values = _texts(data_set, tag, vr_of(tag), _encodings(terms))
    return values if any(values) else []


def data_set_of(
    keys: Identifier, entity: Entity, added: Iterable[Element] = ()
) -> Dataset:
    """The Identifier of one response: the attributes asked for and no others.

    Args:
        keys: the request's, those left out that the peer does not support. A
            sequence key with one item asks for the item's attributes, one without
            items for all of them.
        entity: the match.
        added: text elements every response has, asked for or not.

    Returns:
        A data set ready to be encoded, naming its character set if it has one.

    Source: PS3.4 Sections C.2.2.1.2 and C.4.1.1.3.2.
    """
    found = _asked(keys, entity.attributes)
    for element in added:
        found.add(_data_element(element.tag, [str(element.value)]))
    if entity.charset:
        found.add(_data_element(CHARACTER_SET, list(entity.charset)))
    return found


def _asked(keys: Identifier, attributes: Mapping[int, Stored]) -> Dataset:
    """The asked part of one entity or item."""
    found = Dataset()
    for key in keys:
        if key.tag == CHARACTER_SET:
            continue
        values = attributes.get(key.tag, [])
        if isinstance(key.value, tuple) and key.value:
            items = [_asked(key.value[0], item) for item in _items(values)]
            found.add(DataElement(key.tag, "SQ", Items(items)))
        else:
            found.add(_data_element(key.tag, values))
    return found


def _data_element(tag: int, values: Stored) -> DataElement:
    """One attribute with all its values or items."""
    vr = vr_of(tag)
    if vr == "SQ":
        items = [_everything(item) for item in _items(values)]
        return DataElement(tag, vr, Items(items))
    texts = [value for value in values if isinstance(value, str)]
    value: object = texts[0] if len(texts) == 1 else texts
    if vr in _INTEGER:
        value = [int(text) for text in texts]
    return DataElement(tag, vr, value or None, validation_mode=config.IGNORE)


def _everything(attributes: Mapping[int, Stored]) -> Dataset:
    """An item with every attribute it has."""
    found = Dataset()
    for tag, values in attributes.items():
        found.add(_data_element(tag, values))
    return found


def _items(values: Stored) -> list[Mapping[int, Stored]]:
    return [value for value in values if isinstance(value, Mapping)]


def _element(data_set: Dataset, tag: int, terms: tuple[str, ...]) -> Element:
    """One key with the value it asks for."""
    vr = data_set.get_item(tag).VR or vr_of(tag)
    if vr == "SQ":
        items = data_set[tag].value
        return Element(tag, vr, tuple(identifier_of(item, terms) for item in items))
    texts = _texts(data_set, tag, vr, _encodings(terms))
    return Element(tag, vr, "\\".join(texts) if texts else _nothing(vr))


def _nothing(vr: str) -> str | bytes:
    return "" if vr in _TEXT | _ASCII | _INTEGER | _FLOAT | {"AT"} else b""


def _texts(data_set: Dataset, tag: int, vr: str, encodings: Sequence[str]) -> list[str]:
    """Values as text; none when absent, empty or not text at all."""
    if tag not in data_set:
        return []
    raw = data_set.get_item(tag)
    if isinstance(raw.value, bytes) and vr in _TEXT | _ASCII:
        used = encodings if vr in _TEXT else ["latin_1"]
        text = charset.decode_bytes(raw.value, used, _DELIMITERS)
        return [part.strip(" \0") for part in text.split("\\")] if text else []
    if vr in _TEXT | _ASCII | _INTEGER | _FLOAT:
        return _converted(data_set[tag].value)
    return []


def _converted(value: object) -> list[str]:
    if value is None or value == "":
        return []
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    return [str(one) for one in values]


def _encodings(terms: tuple[str, ...]) -> list[str]:
    """The names of Python codecs that the terms of (0008,0005) stand for."""
    return charset.convert_encodings(list(terms) or "ISO_IR 6")
