"""The one line the demo peers write once they listen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self

PACS_AE = "DEMOPACS"
WORKLIST_AE = "DEMORIS"


@dataclass(frozen=True, slots=True)
class Served:
    """A demo peer that listens on loopback.

    Attributes:
        port: TCP port, 1 to 65535.
        called_ae: AE title it announces; it answers to any.
    """

    port: int
    called_ae: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """Where both demo peers listen."""

    pacs: Served
    worklist: Served

    def to_json(self) -> str:
        """The announcement as one line of JSON, without a line end."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Reads what `to_json` wrote.

        Args:
            line: one line; white space around it is ignored.

        Returns:
            The announcement.

        Raises:
            ValueError: when the line is anything else.
        """
        try:
            told = json.loads(line)
            return cls(Served(**told["pacs"]), Served(**told["worklist"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a demo announcement: {line!r}") from error
