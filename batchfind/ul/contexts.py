"""Presentation contexts in three stages: proposed, negotiated, refused."""

from __future__ import annotations

from dataclasses import dataclass

#: PS3.8 Table 9-18, result/reason of a presentation context.
_RESULTS = {
    1: "user rejection",
    2: "no reason (provider rejection)",
    3: "abstract syntax not supported",
    4: "transfer syntaxes not supported",
}


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """What we ask for under one ID.

    Attributes:
        id: odd, 1 to 255.
        abstract_syntax: SOP Class UID.
        transfer_syntaxes: UIDs in order of preference, at least one.

    Source: PS3.8 Section 9.3.2.2.
    """

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NegotiatedContext:
    """A context both sides may use.

    Attributes:
        id: odd, 1 to 255, as proposed.
        abstract_syntax: SOP Class UID.
        transfer_syntax: the one UID the peer chose among those proposed.

    Source: PS3.8 Section 9.3.3.2.
    """

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class RefusedContext:
    """A proposed context that cannot be used.

    Attributes:
        id: odd, 1 to 255, as proposed.
        abstract_syntax: SOP Class UID.
        result: the peer's result/reason, 0 to 255; None if it did not answer.
        transfer_syntax: what it chose, if that is why it cannot be used.

    Source: PS3.8 Table 9-18.
    """

    id: int
    abstract_syntax: str
    result: int | None
    transfer_syntax: str | None = None

    @property
    def reason(self) -> str:
        """Why it cannot be used, in the words of the standard where it has some."""
        if self.result is None:
            return "the peer did not answer it"
        if self.transfer_syntax is not None:
            return f"accepted with {self.transfer_syntax}, which was not proposed"
        return _RESULTS.get(self.result, f"unknown result {self.result}")
