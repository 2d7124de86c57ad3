"""Messages from fragments, however the peer cut and mixed them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from batchfind.dimse.command_set import Response
from batchfind.dimse.responses import Responses
from batchfind.errors import DimseError, LimitReached

#: No response needs a hundredth of it; the cap is against fragments without end.
LONGEST_COMMAND = 65_536
#: An Identifier has less than 4 KiB as a rule. Counted over all contexts together,
#: so that many unfinished messages cannot hold more than one.
LONGEST_DATA_SET = 16 << 20

_COMMAND, _LAST = 1, 2


@dataclass(frozen=True, slots=True)
class Message:
    """One whole response.

    Attributes:
        context_id: where it came.
        command: its command set, encoded.
        response: the same, decoded.
        data_set: None if the command announced none.
        odd: a fragment but the last had odd length.
    """

    context_id: int
    command: bytes
    response: Response
    data_set: bytes | None
    odd: bool


@dataclass(slots=True)
class _Partial:
    command: bytearray = field(default_factory=bytearray)
    response: Response | None = None
    #: Gives its bytes away without a copy, which may be many megabytes.
    data_set: BytesIO = field(default_factory=BytesIO)
    odd: bool = False


class Assembler:
    """Joins the fragments of each presentation context on their own.

    Source: PS3.8 Annex E.
    """

    def __init__(self, contexts: Iterable[int]) -> None:
        """Knows the IDs of the negotiated contexts."""
        self._contexts = frozenset(contexts)
        self._partials: dict[int, _Partial] = {}
        self._responses = Responses()
        self._held = 0

    @property
    def idle(self) -> bool:
        """No message has begun without having ended."""
        return not self._partials

    def add(self, context_id: int, control: int, fragment: bytes) -> Message | None:
        """Takes one fragment.

        Args:
            context_id: of its PDV, 0 to 255.
            control: 1 command, 2 last fragment, 3 both, 0 neither.
            fragment: may be empty.

        Returns:
            The message this fragment completes, or None.

        Raises:
            DimseError: a context that was not negotiated, a data set without a
                command that announces it, a command where its data set was due, or
                a broken command set.
            LimitReached: the command set exceeds 64 KiB, or unfinished data sets
                16 MiB together.

        Source: PS3.8 Section E.2, PS3.7 Section 6.3.1.
        """
        if context_id not in self._contexts:
            raise DimseError(f"fragment on context {context_id}, not negotiated")
        partial = self._partials.setdefault(context_id, _Partial())
        last = bool(control & _LAST)
        if not last and len(fragment) % 2:
            partial.odd = True
        if control & _COMMAND:
            response = self._add_command(partial, fragment, last=last)
            complete = response is not None and not response.has_data_set
        else:
            response = self._add_data(context_id, partial, fragment)
            complete = last
        if response is None or not complete:
            return None
        del self._partials[context_id]
        self._held -= partial.data_set.tell()
        return Message(
            context_id,
            bytes(partial.command),
            response,
            partial.data_set.getvalue() if response.has_data_set else None,
            partial.odd,
        )

    def _add_command(
        self, partial: _Partial, fragment: bytes, *, last: bool
    ) -> Response | None:
        if partial.response is not None:
            error = DimseError("command set where an announced data set was due")
            error.message_id = partial.response.message_id
            raise error
        if len(partial.command) + len(fragment) > LONGEST_COMMAND:
            raise LimitReached(f"a command set exceeds {LONGEST_COMMAND} bytes")
        partial.command += fragment
        if last:
            partial.response = self._responses.decode(bytes(partial.command))
        return partial.response

    def _add_data(
        self, context_id: int, partial: _Partial, fragment: bytes
    ) -> Response:
        if partial.response is None:
            raise DimseError(
                f"data set on context {context_id} that no command announced there"
            )
        self._held += len(fragment)
        if self._held > LONGEST_DATA_SET:
            error = LimitReached(f"a data set exceeds {LONGEST_DATA_SET} bytes")
            error.message_id = partial.response.message_id
            raise error
        partial.data_set.write(fragment)
        return partial.response
