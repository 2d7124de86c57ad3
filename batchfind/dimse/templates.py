"""The commands a peer is expected to repeat."""

from __future__ import annotations

from dataclasses import dataclass

#: Two a request are usual. Of a peer that varies its commands more are not worth
#: remembering.
_MOST = 64


@dataclass(frozen=True, slots=True)
class Template:
    """A pending response whose command is expected to come again.

    Attributes:
        command: its command set, encoded.
        context_id: where it came.
        message_id: the C-FIND it answers, which has not ended.
        status: FF00 or FF01.
    """

    command: bytes
    context_id: int
    message_id: int
    status: int


class Templates:
    """Templates of the C-FINDs that have not ended, by their bytes.

    Attributes:
        current: the one that came last, or None.
    """

    def __init__(self) -> None:
        """Begins without any."""
        self.current: Template | None = None
        self._known: dict[bytes, Template] = {}

    def __len__(self) -> int:
        return len(self._known)

    def learn(self, template: Template) -> None:
        """Remembers a pending response; it is the current one."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[template.command] = template
        self.current = template

    def recall(self, command: bytes) -> Template | None:
        """The template of a command, which becomes the current one; None if unknown."""
        template = self._known.get(command)
        if template is not None:
            self.current = template
        return template

    def forget(self, message_id: int) -> None:
        """Drops those of a C-FIND that has ended."""
        self._known = {
            command: template
            for command, template in self._known.items()
            if template.message_id != message_id
        }
        self.current = next(iter(self._known.values()), None)
