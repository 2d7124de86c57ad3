"""A job as the user wrote it, validated and frozen.

What a query holds stands in `query_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.errors import Mark, Problem
from batchfind.job.hours import Interval
from batchfind.job.output_model import OutputOptions, Overwrite
from batchfind.job.query_model import (
    AnyOf,
    Cancel,
    Dedupe,
    Expect,
    ForEach,
    KeyEntry,
    Lint,
    Query,
    Repeat,
    Rows,
    Scalar,
    Split,
    Then,
    Unset,
    Verify,
    Window,
)
from batchfind.job.transport_model import (
    Material,
    Negotiation,
    Tls,
    UserIdentity,
)
from batchfind.job.units import Rate
from batchfind.sources.model import DictionaryFile

__all__ = [
    "AnyOf",
    "Cancel",
    "CharsetPolicy",
    "Dedupe",
    "Expect",
    "ForEach",
    "Job",
    "Keep",
    "KeyEntry",
    "Lint",
    "Output",
    "OutputFormat",
    "OutsideHours",
    "Peer",
    "PeerLimits",
    "PeerTimeouts",
    "PerRequest",
    "Priority",
    "Publish",
    "Query",
    "Repeat",
    "ResponseCap",
    "RetryPolicy",
    "Rows",
    "RunPolicy",
    "Scalar",
    "Split",
    "Then",
    "Unset",
    "Verify",
    "Window",
]


class Priority(Enum):
    """Priority of a C-FIND. Source: PS3.7 Table 9.3-3."""

    MEDIUM = "medium"
    HIGH = "high"
    LOW = "low"


class Publish(Enum):
    """Which answers may replace what stands at an output's path."""

    COMPLETE = "complete"
    ANSWERED = "answered"
    ALWAYS = "always"


class OutputFormat(Enum):
    """File formats a table can be written in."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"
    DICOM = "dicom"
    XML = "xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerTimeouts:
    """Deadlines of a peer in seconds; None waits for ever."""

    connect: float | None = 15.0
    acse: float | None = 30.0
    response: float | None = 300.0
    cancel: float | None = 10.0
    release: float | None = 5.0
    idle: float | None = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCap:
    """How many responses a peer gives at most, as far as its administrator says.

    Attributes:
        declared: by Query/Retrieve Level; "" stands for every level, and for models
            without levels.
        auto: where nothing is declared, counts that look like a cap are doubted;
            otherwise the administrator vouches that there is none.
    """

    declared: Mapping[str, int] = field(default_factory=dict)
    auto: bool = True

    def at(self, level: str | None) -> int | None:
        """The declared cap of a level, or None."""
        return self.declared.get(level or "", self.declared.get(""))


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerLimits:
    """What a peer can bear.

    Attributes:
        associations: at most so many at once, 1 or more.
        queries_per_association: C-FINDs before a new association is opened.
        rate: of C-FINDs at most, or None.
        response_cap: a success with exactly so many responses is suspect.
        hours: in which it may be asked, by its own clock; empty means any.
        group: peers with the same share what they bear; None is the peer's host and
            port.
    """

    associations: int = 2
    queries_per_association: int = 100
    rate: Rate | None = None
    response_cap: ResponseCap = field(default_factory=ResponseCap)
    hours: tuple[Interval, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CharsetPolicy:
    """Character sets towards a peer, as terms of (0008,0005).

    Attributes:
        request: values to try for keys in this order, the terms of a value joined
            by backslashes; empty means auto.
        assume: term for responses that name none but hold bytes >= 0x80.
        override: term for every response, whatever it names.
    """

    request: tuple[str, ...] = ()
    assume: str | None = None
    override: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A named SCP.

    Attributes:
        host, port: where it listens; both None for a demo peer.
        demo: `pacs` or `worklist` for an embedded peer, else None.
        transfer_syntaxes: UIDs in the order proposed.
        deflate_level: 0 to 9.
        max_pdu: 4096 to 131072 bytes.
        end: how an association ends: `release` or `abort`.
        on_cancel: what the query's cancel policy sends: `cancel` or `abort`.
        ip_version: 4, 6, or None for either.
        bind: local address to connect from, or None.
        tls: None for a connection without.
        identity: None for none.
        new_vr_as_ob: VRs that came after 1993 are sent as OB.
    """

    name: str
    mark: Mark
    host: str | None = None
    port: int | None = None
    demo: str | None = None
    called_ae: Scalar
    calling_ae: Scalar
    transfer_syntaxes: tuple[str, ...]
    deflate_level: int = 6
    max_pdu: int = 16384
    priority: Priority = Priority.MEDIUM
    timeouts: PeerTimeouts = field(default_factory=PeerTimeouts)
    limits: PeerLimits = field(default_factory=PeerLimits)
    charset: CharsetPolicy = field(default_factory=CharsetPolicy)
    timezone: str | None = None
    vars: Mapping[str, Scalar] = field(default_factory=dict)
    end: str = "release"
    on_cancel: str = "cancel"
    ip_version: int | None = None
    bind: str | None = None
    tls: Tls | None = None
    negotiation: Negotiation = field(default_factory=Negotiation)
    identity: UserIdentity | None = None
    new_vr_as_ob: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRequest:
    """Limits of one request: responses, Identifier bytes, seconds (None: none)."""

    responses: int = 1_000_000
    bytes: int = 1 << 30
    time: float | None = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a request is asked when asking again can help.

    Attributes:
        attempts: tries at a request in all, 1 or more.
        backoff: longest pause before the second try, in seconds; it doubles with
            every further try.
        max_backoff: longest pause before any try, in seconds.
    """

    attempts: int = 3
    backoff: float = 2.0
    max_backoff: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long runs of a job are kept; one goes when every bound given lets it go.

    Attributes:
        runs: so many of the newest stay, 1 or more; None is no bound.
        days: those begun within so many times 24 hours stay; None is no bound.
    """

    runs: int | None = None
    days: int | None = None

    @property
    def everything(self) -> bool:
        """Whether no run ever goes."""
        return self.runs is None and self.days is None


class OutsideHours(Enum):
    """What becomes of requests outside their peer's hours."""

    STOP = "stop"
    WAIT = "wait"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """How a job runs.

    Attributes:
        directory: where run directories are made, or None for the default.
        concurrency: requests in flight, 1 or more.
        stop_on_failure: no new request starts after the first failure.
        outside_hours: what becomes of requests whose peer has `hours`.
        max_requests: a plan with more is refused.
        deadline: seconds after which nothing is asked any more; None for never.
        overlap: executions of this job may run at the same time.
    """

    directory: Path | None = None
    concurrency: int = 32
    stop_on_failure: bool = False
    outside_hours: OutsideHours = OutsideHours.STOP
    max_requests: int = 10_000
    per_request: PerRequest = field(default_factory=PerRequest)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline: float | None = None
    overlap: bool = False
    keep: Keep = field(default_factory=Keep)
    executor: str = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file the answers of one query become.

    Attributes:
        path: template, relative to the file it stands in.
        base: absolute folder of that file.
        queries: names; empty means the job's only query, or `{{ query }}`.
        typed: columns have types, else all are text.
        provenance: columns beginning with `bf_` are added.
        marks: dotted place below the output, such as `columns[1]`, to where it
            stands, for what only the plan can judge.
    """

    mark: Mark
    format: OutputFormat
    path: Scalar
    base: Path
    queries: tuple[str, ...] = ()
    typed: bool
    provenance: bool
    publish: Publish = Publish.COMPLETE
    overwrite: Overwrite = Overwrite.REPLACE
    options: OutputOptions = field(default_factory=OutputOptions)
    marks: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A validated job file with everything it includes.

    Attributes:
        path: absolute path of the job file.
        text: its text without plain secrets, for the copy in the run directory.
        includes: absolute paths of included files, with their text, likewise.
        timezone: IANA name, or None when no date is used.
        dictionaries: DCMTK dictionary files in the order read.
        dictionary: keywords and VRs, with what they add.
        materials: files that connections with the peers of its queries need.
        warnings: problems that do not stop the job.
    """

    version: int
    name: str
    path: Path
    text: str
    description: str = ""
    timezone: str | None = None
    includes: tuple[tuple[Path, str], ...] = ()
    vars: Mapping[str, Scalar] = field(default_factory=dict)
    peers: Mapping[str, Peer]
    queries: Mapping[str, Query]
    run: RunPolicy = field(default_factory=RunPolicy)
    outputs: tuple[Output, ...] = ()
    dictionaries: tuple[DictionaryFile, ...] = ()
    dictionary: Dictionary = STANDARD
    materials: tuple[Material, ...] = ()
    warnings: tuple[Problem, ...] = ()
