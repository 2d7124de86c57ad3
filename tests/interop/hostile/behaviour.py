"""What a hostile or faulty SCP does, and what has to come of it, as data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from batchfind import ExitCode, Verdict
from tests.peers.scripted import ScriptedPeer, Step
from tests.peers.steps import accept, final, matches

MATCHES = 5
"""How many responses a good answer has."""
GOOD: tuple[Step, ...] = (matches(MATCHES), final())


@dataclass(frozen=True, slots=True)
class Served:
    """Something that listens on a port of 127.0.0.1."""

    port: int


Serve: TypeAlias = Callable[[], AbstractContextManager[Served | ScriptedPeer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What has to come of it.

    Attributes:
        cause: its word; None without one.
        words: what its sentence says besides.
        responses: pending responses that are kept; None: as many as it happens.
        phase: where it went wrong.
        exit_code: of a run that asks nobody else.
        warning: what is tolerated, as far as it is told.
        defects: responses that cannot be decoded.
    """

    verdict: Verdict
    cause: str | None = None
    words: str = ""
    responses: int | None = 0
    phase: str = "query"
    exit_code: ExitCode = ExitCode.INCOMPLETE
    warning: str = ""
    defects: int = 0


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour.

    Attributes:
        name: of the behaviour; unique.
        stated: what has to come of it.
        answer: steps for the C-FIND-RQ.
        on_connect: steps for the connection.
        on_release: steps for the A-RELEASE-RQ; None: it is answered.
        peer: fields of the peer in the job.
        query: fields of a query of its own; none: it is asked what all are.
        serve: what listens there instead of a scripted peer.
    """

    name: str
    stated: Stated
    answer: Sequence[Step] = GOOD
    on_connect: Sequence[Step] = (accept(),)
    on_release: Sequence[Step] | None = None
    peer: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    serve: Serve | None = None

    def start(self) -> AbstractContextManager[Served | ScriptedPeer]:
        """A peer that behaves like this, once it is entered."""
        if self.serve is not None:
            return self.serve()
        if self.on_release is None:
            return ScriptedPeer(*self.answer, on_connect=self.on_connect)
        return ScriptedPeer(
            *self.answer, on_connect=self.on_connect, on_release=self.on_release
        )


def complete(
    responses: int = MATCHES, warning: str = "", exit_code: ExitCode = ExitCode.OK
) -> Stated:
    """All is well, perhaps with a warning."""
    return Stated(
        verdict=Verdict.COMPLETE,
        responses=responses,
        exit_code=exit_code,
        warning=warning,
    )


def suspect(cause: str, words: str, responses: int, warning: str = "") -> Stated:
    """A final success with one response that cannot be decoded."""
    return Stated(
        verdict=Verdict.SUSPECT,
        cause=cause,
        words=words,
        responses=responses,
        exit_code=ExitCode.SUSPECT,
        warning=warning,
        defects=1,
    )


def unanswered(cause: str, words: str = "", phase: str = "association") -> Stated:
    """No association came about."""
    return Stated(
        verdict=Verdict.FAILED,
        cause=cause,
        words=words,
        phase=phase,
        exit_code=ExitCode.UNREACHABLE,
    )


def failed(cause: str, words: str = "", phase: str = "query") -> Stated:
    """An association, and no usable answer."""
    return Stated(verdict=Verdict.FAILED, cause=cause, words=words, phase=phase)


def partial(responses: int, cause: str, words: str = "", defects: int = 0) -> Stated:
    """Some responses, and no success."""
    return Stated(
        verdict=Verdict.PARTIAL,
        cause=cause,
        words=words,
        responses=responses,
        defects=defects,
    )
