"""Requests made of another one by giving some of its keys other values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any

from batchfind.dicom.assemble import assemble
from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.encode import canonical_bytes
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.mold import Mold, can_be_open
from batchfind.dicom.paths import KeyPath
from batchfind.job.model import CharsetPolicy
from batchfind.plan.characters import (
    SPECIFIC_CHARACTER_SET,
    choose_charset,
    declared_charset,
    texts_of,
)
from batchfind.plan.digests import KeyFrame
from batchfind.plan.model import PlannedPeer, Request


def rewrite(
    request: Request,
    keys: Sequence[tuple[KeyPath, str]],
    peer: PlannedPeer,
    known: Dictionary = STANDARD,
) -> Request:
    """A request with other values in some keys; `Rewriter` is for many of them.

    Args:
        request: what it is made of; all that is not said here stays.
        keys: paths with their new texts; a key it does not have is added.
        peer: the peer it goes to.
        known: VRs of private elements given by number.

    Returns:
        Identifier, character set and request key are those of the new values.

    Raises:
        ValueError: when a value cannot be sent.
    """
    texts = [text for _, text in keys]
    return Rewriter(request, [path for path, _ in keys], peer, known).request(texts)


class Rewriter:
    """Requests that differ from one in the values of some keys.

    What they have in common is put together, serialised and hashed once.
    """

    def __init__(
        self,
        request: Request,
        paths: Sequence[KeyPath],
        peer: PlannedPeer,
        known: Dictionary = STANDARD,
    ) -> None:
        """As for `rewrite`; `paths` are the keys that are given texts later."""
        self._request = request
        self._paths = tuple(paths)
        self._known = known
        self._policy = peer.charset
        self._frame = KeyFrame(request, peer)
        self._base, self._fixed = _charset_apart(request, peer.charset)
        self._mold: Mold | None = None
        if all(map(can_be_open, self._paths)):
            self._mold = Mold([(path, None) for path in paths], self._base, known)

    def request(self, texts: Sequence[str], **changes: Any) -> Request:
        """The request with these texts.

        Args:
            texts: one a path.
            changes: other fields of `Request` that are to differ. The request key is
                right only if none of them is of those it is made of.

        Raises:
            ValueError: when a text cannot be sent.
        """
        identifier, charset = self._in_charset(self._filled(texts))
        canonical = canonical_bytes(identifier, charset)
        return replace(
            self._request,
            identifier=identifier,
            charset=charset,
            key=self._frame.key(canonical),
            **changes,
        )

    def _filled(self, texts: Sequence[str]) -> Identifier:
        if self._mold is not None:
            return self._mold.fill(texts)
        keys = zip(self._paths, texts, strict=True)
        return assemble(keys, self._base, self._known)

    def _in_charset(self, identifier: Identifier) -> tuple[Identifier, tuple[str, ...]]:
        if self._fixed:
            return identifier, self._fixed
        charset = choose_charset(texts_of(identifier), (), self._policy)
        if not charset:
            return identifier, ()
        terms = Element(SPECIFIC_CHARACTER_SET, "CS", "\\".join(charset))
        others = _without_charset(identifier)
        return tuple(sorted((*others, terms), key=attrgetter("tag"))), charset


def text_at(identifier: Identifier, path: KeyPath) -> str:
    """The text of a key; empty where it is absent, zero length or no text.

    Args:
        identifier: of a request.
        path: private attributes are looked for by their number.
    """
    for step in path.sequences:
        items = next((one.value for one in identifier if one.tag == step.tag), ())
        if not isinstance(items, tuple) or len(items) <= step.item:
            return ""
        identifier = items[step.item]
    value = next((one.value for one in identifier if one.tag == path.tag), "")
    return value if isinstance(value, str) else ""


def _charset_apart(
    request: Request, policy: CharsetPolicy
) -> tuple[Identifier, tuple[str, ...]]:
    """The Identifier without a (0008,0005) of ours, and the terms that are not ours.

    A character set that the plan chose is chosen anew with the new values; one that
    the job wrote, or that is not even said, as in raw queries, stays.
    """
    identifier, charset = request.identifier, request.charset
    if not charset or charset != declared_charset(identifier):
        return identifier, charset
    try:
        chosen = choose_charset(texts_of(identifier), (), policy)
    except ValueError:
        return identifier, charset
    if chosen != charset:
        return identifier, charset
    return _without_charset(identifier), ()


def _without_charset(identifier: Identifier) -> Identifier:
    return tuple(one for one in identifier if one.tag != SPECIFIC_CHARACTER_SET)
