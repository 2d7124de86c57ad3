"""One Identifier in lines for people, as findscu's log shows it.

    # Dicom-Data-Set
    # Used TransferSyntax: Little Endian Explicit
    (0008,0052) CS [STUDY ]                                 #   6, 1 QueryRetrieveLevel

Values are whole, however long. Two things are not as in findscu: FD has the shortest
digits that read back as the same number, and a newer PS3.6 knows more names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from batchfind.dicom import charset, dcmtk_names, scalar, values, vrs
from batchfind.dicom.ambiguous import shown_vr
from batchfind.dicom.charset import CharacterSets
from batchfind.dicom.correction import corrected
from batchfind.dicom.dictionary import STANDARD, Dictionary, is_private_creator
from batchfind.dicom.raw import Items, RawElement, announced_length
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, IMPLICIT_LE

_EMPTY: Final = "(no value available)"
_INVALID: Final = "(invalid value)"
_SPECIFIC_CHARACTER_SET: Final = 0x0008_0005
_ITEM: Final = 0xFFFE_E000
_ITEM_END: Final = 0xFFFE_E00D
_SEQUENCE_END: Final = 0xFFFE_E0DD
_WORDS: Final = {"OD": "FD", "OF": "FL", "OL": "UL", "OV": "UV"}
"""VRs of words shown as numbers, and the VR of such a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpStyle:
    """How values are shown.

    Attributes:
        verbatim: bytes as received, whatever they do to a terminal; else Unicode by
            (0008,0005), without NUL at its end, control characters as escapes.
        correction: trailing padding of text is left out, as after findscu's `+dc`.
        unpadded: text is still to be padded, so that odd lengths are told as even.
        assume, override: character sets, as for `charset.resolve`.
        dictionary: knows the names of private attributes.
    """

    verbatim: bool = False
    correction: bool = False
    unpadded: bool = False
    assume: str | None = None
    override: str | None = None
    dictionary: Dictionary = STANDARD


_READABLE: Final = DumpStyle()


def dump_lines(
    data: bytes, transfer_syntax: str, style: DumpStyle = _READABLE
) -> Iterator[str]:
    """The lines of one Identifier, two lines of heading first.

    Args:
        data: the Identifier as received.
        transfer_syntax: UID of one of the four in `transfer_syntaxes.TITLES`.
        style: how values are shown.

    Returns:
        Lines without their ends. When verbatim, bytes that are no UTF-8 are lone
        surrogates (error handler `surrogateescape`), and a value may hold line ends.

    Raises:
        IdentifierDefect: it cannot be decoded; before the first line.
    """
    elements = scalar.decode(
        data, transfer_syntax, known=style.dictionary, verbatim=True
    )
    return element_lines(elements, transfer_syntax, style)


def element_lines(
    elements: Sequence[RawElement], transfer_syntax: str, style: DumpStyle = _READABLE
) -> Iterator[str]:
    """The lines of elements that were decoded verbatim; else as `dump_lines`."""
    title = dcmtk_names.SYNTAX_TITLES[transfer_syntax]
    yield from ("# Dicom-Data-Set", f"# Used TransferSyntax: {title}")
    sets = charset.resolve(None, assume=style.assume, override=style.override)
    for line in _Dump(style, transfer_syntax).data_set(elements, sets, ""):
        if style.verbatim:
            yield line.encode("latin-1").decode("utf-8", "surrogateescape")
        else:
            yield line


class _Shown(NamedTuple):
    """What a line says between tag and name; `length` is None when undefined."""

    vr: str
    text: str
    length: int | None
    multiplicity: int


class _Dump:
    """The choices that hold for a whole data set."""

    def __init__(self, style: DumpStyle, transfer_syntax: str) -> None:
        self._style = style
        self._implicit = transfer_syntax == IMPLICIT_LE
        self._big_endian = transfer_syntax == EXPLICIT_BE

    def data_set(
        self, elements: Sequence[RawElement], sets: CharacterSets, indent: str
    ) -> Iterator[str]:
        sets = self._sets(elements, sets)
        creators: dict[int, str] = {}
        for tag, vr, value in elements:
            if is_private_creator(tag) and isinstance(value, bytes):
                creators[tag >> 16 << 8 | tag & 0xFF] = value.decode("latin-1")
            name = self._name(tag, creators)
            if isinstance(value, list):
                yield _line(indent, tag, _opening("Sequence", value), name)
                for item in value:
                    yield from self._item(item, sets, f"{indent}  ")
                yield _line(indent, _SEQUENCE_END, *_closing(_SEQUENCE_END, value))
            else:
                yield _line(indent, tag, self._leaf(tag, vr, value, sets), name)

    def _item(
        self, item: list[RawElement], sets: CharacterSets, indent: str
    ) -> Iterator[str]:
        yield _line(indent, _ITEM, _opening("Item", item), "Item")
        yield from self.data_set(item, sets, f"{indent}  ")
        yield _line(indent, _ITEM_END, *_closing(_ITEM_END, item))

    def _sets(
        self, elements: Sequence[RawElement], inherited: CharacterSets
    ) -> CharacterSets:
        """Source: PS3.3 Section C.12.1.1.2."""
        for tag, _, value in elements:
            if tag == _SPECIFIC_CHARACTER_SET and isinstance(value, bytes):
                style = self._style
                return charset.resolve(
                    value, assume=style.assume, override=style.override
                )
        return inherited

    def _name(self, tag: int, creators: Mapping[int, str]) -> str:
        creator = creators.get(tag >> 16 << 8 | tag >> 8 & 0xFF, "").strip(" \0")
        entry = self._style.dictionary.entry_of(tag, creator or None)
        return dcmtk_names.attribute_name(tag) if entry is None else entry.name

    def _leaf(self, tag: int, vr: str, raw: bytes, sets: CharacterSets) -> _Shown:
        if vr in vrs.STRING_VRS:
            return self._string(vr, raw, sets)
        shown_as, vr = shown_vr(tag, vr) if self._implicit else (vr, vr)
        return _Shown(shown_as, *self._binary(vr, raw))

    def _string(self, vr: str, raw: bytes, sets: CharacterSets) -> _Shown:
        length = len(raw)
        if self._style.correction or self._style.unpadded:
            length += length % 2
        if self._style.correction and not self._style.unpadded:
            # DCMTK makes an odd length even first, so that nothing is padding then.
            raw = corrected(vr, raw + b"\0" * (length - len(raw)))
        if not raw:
            return _Shown(vr, _EMPTY, length, 0)
        if vr == "UI":
            name = dcmtk_names.uid_name(raw.rstrip(b"\0").decode("latin-1"))
            if name is not None:
                return _Shown(vr, f"={name}", length, 1)
        if self._style.verbatim:
            several = vr not in vrs.SINGLE_VALUED_VRS
            count = raw.count(b"\\") + 1 if several else 1
            return _Shown(vr, f"[{raw.decode('latin-1')}]", length, count)
        decoded = charset.decode_text(raw, vr, sets).values
        text = "".join(map(_visible, "\\".join(decoded).rstrip("\0")))
        return _Shown(vr, f"[{text}]", length, len(decoded))

    def _binary(self, vr: str, raw: bytes) -> tuple[str, int, int]:
        """What is shown of a value, its length, and how many values it counts as."""
        kind = _WORDS.get(vr, vr)
        count = 1
        missing = _EMPTY
        if vr == "AT":
            tags = values.tag_values(_whole(vr, raw), big_endian=self._big_endian)
            texts = [f"({tag[:4]},{tag[4:]})".lower() for tag in tags]
            count = len(tags)
        elif kind in vrs.NUMBER_FORMATS:
            texts = [values.number_text(kind, one) for one in self._numbers(kind, raw)]
            if kind == vr:
                count = len(texts)
                missing = _INVALID if raw else _EMPTY
        elif vr == "OW":
            texts = [f"{word:04x}" for word in map(int, self._numbers("US", raw))]
        else:
            texts = [f"{byte:02x}" for byte in raw]
        return "\\".join(texts) or missing, len(raw), count

    def _numbers(self, vr: str, raw: bytes) -> tuple[int | float, ...]:
        return values.number_values(vr, _whole(vr, raw), big_endian=self._big_endian)


def _opening(what: str, within: Items | list[RawElement]) -> _Shown:
    length = announced_length(within)
    kind = "undefined" if length is None else "explicit"
    vr = "SQ" if what == "Sequence" else "na"
    return _Shown(vr, f"({what} with {kind} length #={len(within)})", length, 1)


_ENDS: Final = {
    _ITEM_END: ("ItemDelimitationItem", " for re-encoding"),
    _SEQUENCE_END: ("SequenceDelimitationItem", " for re-encod."),
}
"""Name of a delimiter, and why it is shown where the data have none."""


def _closing(tag: int, within: Items | list[RawElement]) -> tuple[_Shown, str]:
    name, reason = _ENDS[tag]
    if announced_length(within) is None:
        reason = ""
    return _Shown("na", f"({name}{reason})", 0, 0), name


def _line(indent: str, tag: int, shown: _Shown, name: str) -> str:
    vr, text, length, multiplicity = shown
    size = "u/l" if length is None else f"{length:>3}"
    return (
        f"{indent}({tag >> 16:04x},{tag & 0xFFFF:04x}) {vr} {text:<40} # {size},"
        f"{multiplicity:>2} {name}"
    )


def _whole(vr: str, raw: bytes) -> bytes:
    """As much of a value as is a whole number of numbers."""
    return raw[: len(raw) - len(raw) % vrs.VALUE_SIZES[vr]]


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
