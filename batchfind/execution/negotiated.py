"""Which options of extended negotiation hold on an association, and which do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchfind.dicom.extended import OPTIONS, decode_options
from batchfind.job.transport_model import Asked


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What became of the options asked; each in the order of `OPTIONS`.

    Attributes:
        accepted: asked and accepted.
        missing: required, but not accepted.
        refused: preferred, but not accepted.
    """

    accepted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """One sentence about what was preferred and refused, if anything."""
        if not self.refused:
            return ()
        return (f"the peer did not accept {_listed(self.refused)}; asked without",)

    @property
    def refusal(self) -> str:
        """The sentence about what is missing."""
        return (
            f"the peer did not accept {_listed(self.missing)}, which the query needs; "
            "no C-FIND was sent"
        )


def negotiated(
    sop_class: str, asked: Mapping[str, Asked], answers: Mapping[str, bytes]
) -> Negotiated:
    """Compares what was asked with what the peer answered.

    Args:
        sop_class: UID of the information model.
        asked: name in `OPTIONS` to how much it matters.
        answers: service class application information by SOP Class UID.

    Source: PS3.7 Section D.3.3.5 (no answer refuses all).
    """
    if not asked:
        return Negotiated()
    granted = decode_options(sop_class, answers.get(sop_class, b""))
    accepted, missing, refused = [], [], []
    for name in OPTIONS:
        match asked.get(name, Asked.OFF):
            case Asked.OFF:
                continue
            case _ if name in granted:
                accepted.append(name)
            case Asked.REQUIRE:
                missing.append(name)
            case _:
                refused.append(name)
    return Negotiated(tuple(accepted), tuple(missing), tuple(refused))


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"negotiation.{name}" for name in names)
