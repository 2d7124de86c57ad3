"""Which message IDs are in use, were in use, and what for."""

from __future__ import annotations

from dataclasses import dataclass

from batchfind.dimse.command_set import CommandField
from batchfind.errors import LocalProtocolError

_HIGHEST_ID = 65_535


@dataclass(slots=True)
class Operation:
    """One request that has not had its final response.

    Attributes:
        context_id: where it was sent and its responses must come.
        sop_class: UID it named.
        answer: command field of its responses.
        cancelled: a C-CANCEL was sent.
    """

    context_id: int
    sop_class: str
    answer: CommandField
    cancelled: bool = False


class Ledger:
    """The operations of one association by message ID.

    IDs go round and never repeat while in use, so that a late response of an ended
    request cannot be taken for one of the next.

    Source: PS3.7 Section 9.1.2.1.1.
    """

    def __init__(self) -> None:
        """Begins without any operation."""
        self._open: dict[int, Operation] = {}
        self._ended: set[int] = set()
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._open)

    def fresh_id(self) -> int:
        """The next free message ID, 1 to 65535; it stays free until `begin`.

        Raises:
            LocalProtocolError: all are in use.
        """
        for step in range(_HIGHEST_ID):
            message_id = (self._last_id + step) % _HIGHEST_ID + 1
            if message_id not in self._open:
                return message_id
        raise LocalProtocolError(f"all {_HIGHEST_ID} message IDs are in use")

    def begin(self, message_id: int, operation: Operation) -> None:
        """Records that an operation was sent under a fresh ID."""
        self._last_id = message_id
        self._ended.discard(message_id)
        self._open[message_id] = operation

    def get(self, message_id: int) -> Operation | None:
        """The operation in progress under an ID."""
        return self._open.get(message_id)

    def has_ended(self, message_id: int) -> bool:
        """Whether the last operation under an ID had its final response."""
        return message_id in self._ended

    def end(self, message_id: int) -> None:
        """Records the final response."""
        del self._open[message_id]
        self._ended.add(message_id)
