"""What is aimed at, and whether it was reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from benchmarks.measure import Figure, Medians

OURS = "batchfind"
"""The contender whose wall time is compared with that of the others."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of an aim.

    Attributes:
        aim: in words.
        found: the figure that was measured, with its unit.
        reached: whether the aim was.
    """

    aim: str
    found: str
    reached: bool


class Aim(Protocol):
    """What one case is to show."""

    @property
    def wording(self) -> str:
        """For the list of cases."""
        ...

    def judge(self, medians: Mapping[str, Medians]) -> Verdict | None:
        """Compares it with what was measured.

        Args:
            medians: by contender.

        Returns:
            The verdict; None when a contender it needs did not take part.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ratio:
    """Our wall time is at most `most` times that of a rival."""

    against: str
    most: float

    @property
    def wording(self) -> str:
        """For the list of cases."""
        return f"<= {self.most:g} x {self.against}"

    def judge(self, medians: Mapping[str, Medians]) -> Verdict | None:
        """Compares it with what was measured."""
        if self.against not in medians or OURS not in medians:
            return None
        ratio = medians[OURS][Figure.WALL] / medians[self.against][Figure.WALL]
        return Verdict(self.wording, f"{ratio:.3g} x", ratio <= self.most)


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure of a contender is at most `most`."""

    contender: str
    figure: Figure
    most: float

    @property
    def wording(self) -> str:
        """For the list of cases."""
        return f"{self.contender}: {self.figure.value} <= {self.most:g}"

    def judge(self, medians: Mapping[str, Medians]) -> Verdict | None:
        """Compares it with what was measured."""
        if self.contender not in medians:
            return None
        found = medians[self.contender][self.figure]
        return Verdict(self.wording, f"{found:.4g}", found <= self.most)


@dataclass(frozen=True, slots=True)
class Growth:
    """A figure grows by at most `most` from one contender to another."""

    small: str
    large: str
    figure: Figure
    most: float

    @property
    def wording(self) -> str:
        """For the list of cases."""
        unit = self.figure.value
        return f"{self.large}: {unit} <= {self.most:g} above {self.small}"

    def judge(self, medians: Mapping[str, Medians]) -> Verdict | None:
        """Compares it with what was measured."""
        if self.small not in medians or self.large not in medians:
            return None
        found = medians[self.large][self.figure] - medians[self.small][self.figure]
        return Verdict(self.wording, f"{found:+.4g}", found <= self.most)
