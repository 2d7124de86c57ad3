"""An Identifier in the character set it is sent in, and what cannot be sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from batchfind.dicom.assemble import assemble
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.encode import canonical_bytes
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.paths import parse_path
from batchfind.dicom.vrs import TEXT_VRS
from batchfind.job.model import CharsetPolicy, Peer, Query
from batchfind.plan.characters import choose_charset, declared_charset, texts_of
from batchfind.plan.keys import Leaf
from batchfind.plan.problems import Problems
from batchfind.plan.raw import in_raw_charset

CHARSET: Final = parse_path("SpecificCharacterSet")


@dataclass(frozen=True, slots=True)
class Encoded:
    """An Identifier as it is sent.

    Attributes:
        identifier: with (0008,0005), if it is needed.
        charset: terms that its text is encoded in.
        canonical: its bytes in Explicit VR Little Endian with defined lengths.
    """

    identifier: Identifier
    charset: tuple[str, ...]
    canonical: bytes


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the Identifiers of a query are encoded; problems are noted."""

    query: Query
    known: Dictionary
    problems: Problems

    def encoded(
        self, peer: Peer, identifier: Identifier, leaves: Iterable[Leaf]
    ) -> Encoded | None:
        """An Identifier in the least sufficient of the character sets allowed.

        Args:
            peer: has the character set policy.
            identifier: as put together.
            leaves: keys in it, for problems.

        Returns:
            None when something in it cannot be encoded.
        """
        declared = declared_charset(identifier)
        try:
            identifier, charset = self._in_charset(identifier, declared, peer.charset)
            canonical = canonical_bytes(identifier, charset)
        except ValueError as error:
            self._blame(peer.charset, leaves, declared, str(error))
            return None
        return Encoded(identifier, charset, canonical)

    def _in_charset(
        self, identifier: Identifier, declared: tuple[str, ...], policy: CharsetPolicy
    ) -> tuple[Identifier, tuple[str, ...]]:
        if self.query.raw:
            return in_raw_charset(identifier, policy)
        charset = choose_charset(texts_of(identifier), declared, policy)
        if charset and not declared:
            identifier = assemble([(CHARSET, "\\".join(charset))], identifier)
        return identifier, charset

    def _blame(
        self,
        policy: CharsetPolicy,
        leaves: Iterable[Leaf],
        declared: tuple[str, ...],
        why: str,
    ) -> None:
        """Notes which of the keys cannot be encoded, each at its own place."""
        found = False
        for leaf in leaves:
            try:
                alone = assemble([(leaf.path, leaf.text)], (), self.known)
                canonical_bytes(
                    alone, choose_charset(texts_of(alone), declared, policy)
                )
            except ValueError as error:
                found = True
                message = _unsendable(str(error), leaf.path.vr)
                self.problems.error(leaf.mark, leaf.where, message)
        if not found:
            where = f"queries.{self.query.name}"
            self.problems.error(self.query.mark, where, _unsendable(why))


def _unsendable(why: str, vr: str | None = None) -> str:
    advice = "correct it, or the peer's charset.request"
    if vr is not None and vr not in TEXT_VRS:
        advice = "correct it"  # no (0008,0005) changes what this VR holds
    return f"this cannot be sent: {why}; {advice}"
