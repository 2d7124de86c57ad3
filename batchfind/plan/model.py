"""A plan: every request, fully resolved, and the outputs they feed.

A plan holds all that execution and finishing need; the job is not read again.
It is what `plan.json` stores and what `run --plan` executes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.paths import KeyPath
from batchfind.errors import Problem
from batchfind.job.model import (
    Cancel,
    CharsetPolicy,
    Dedupe,
    Expect,
    Keep,
    OutputFormat,
    OutsideHours,
    PeerLimits,
    PeerTimeouts,
    PerRequest,
    Priority,
    Publish,
    RetryPolicy,
    Unset,
    Verify,
)
from batchfind.job.output_model import OutputOptions, Overwrite
from batchfind.job.transport_model import Asked, Tls, UserIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPeer:
    """How to reach a peer.

    No digest holds any of it, but for the profile of `tls`, and type and user name of
    `identity`.

    Attributes:
        host, port: None for a demo peer, whose port is known when it is started.
        demo: `pacs`, `worklist` or None.
        ip_version: 4, 6, or None for either.
        bind: local address to connect from, or None.
        tls, identity: hold references to secrets, never a secret.
        operations: C-FINDs that may be in flight on one association.
        timezone: IANA name, or None: the plan's.
    """

    name: str
    host: str | None
    port: int | None
    demo: str | None
    deflate_level: int
    max_pdu: int
    timeouts: PeerTimeouts
    limits: PeerLimits
    charset: CharsetPolicy
    end: str
    on_cancel: str
    ip_version: int | None = None
    bind: str | None = None
    tls: Tls | None = None
    identity: UserIdentity | None = None
    operations: int = 1
    timezone: str | None = None


class Origin(StrEnum):
    """How a request came into the world."""

    PLAN = "plan"
    SPLIT = "split"
    FOR_EACH = "for_each"


@dataclass(frozen=True, slots=True)
class PlannedThen:
    """A further key that a piece is cut by; as in the job, its values rendered."""

    key: KeyPath
    values: tuple[str, ...]
    exhaustive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How requests of a query are cut where their peer caps.

    Attributes:
        date: the DA or DT key that is cut.
        time: the TM key within a day, or None when `date` is a DT key or the model
            pairs none with it.
        floor: seconds of the shortest piece of a day.
    """

    date: KeyPath
    time: KeyPath | None
    floor: int
    unset: Unset
    then: tuple[PlannedThen, ...] = ()


class Piecing(StrEnum):
    """By what a request was cut from its parent."""

    DATE = "date"
    TIME = "time"
    THEN = "then"
    UNSET = "unset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What part of time a request of a splitting query asks for.

    Attributes:
        first, last: days as YYYYMMDD, both included; empty for an open end.
        low, high: within the only day, as HHMMSS, both included; empty for an open
            end. Equal `low` and `high` is one instant.
        by: how it was cut from its parent; None for a planned request.
        then: how many entries of `Splitting.then` have cut it, its own included.
    """

    first: str
    last: str
    low: str = ""
    high: str = ""
    by: Piecing | None = None
    then: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """The requests a query has for every row of another.

    Attributes:
        query: name of the parent query.
        binds: key of the child and key of the parent whose value it takes.
        columns: binding name to key of the parent, carried with every child.
        limit: so many children at most.
        patterns: requests as planned with those keys empty; a parent row becomes
            one child of every pattern of its own peer.
    """

    query: str
    binds: tuple[Bind, ...]
    columns: Mapping[str, KeyPath]
    limit: int
    patterns: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """A key of a child request and the parent's key whose value it takes."""

    child: KeyPath
    parent: KeyPath


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedQuery:
    """What a query's tables look like, fixed before the first answer.

    Attributes:
        sop_class: SOP Class UID of the information model.
        model: name in the table of models, or the UID.
        level: Query/Retrieve Level or None.
        columns: leaf keys of all its requests in the order written.
        explode: sequence whose items become rows, or None.
        carry: names from `Request.bindings` that become columns.
        added: keys that batchfind added, for `plan` to show.
        bindings: every matrix, row and window name of its requests, in the order
            written: columns of a requests table.
        data_correction: padding and stray spaces are taken from values received.
        splitting: how requests are cut where a peer caps, or None.
        growing: the requests it has for rows of another query, or None.
        identity: keys that tell rows apart; empty when none are known. Keys in the
            row sequence tell its items apart.
        merges: rows of a family's requests are merged by `identity`.
    """

    name: str
    sop_class: str
    model: str
    level: str | None
    columns: tuple[KeyPath, ...]
    explode: KeyPath | None
    carry: tuple[str, ...]
    added: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    data_correction: bool = False
    splitting: Splitting | None = None
    growing: Growing | None = None
    identity: tuple[KeyPath, ...] = ()
    merges: bool = False
    dedupe: Dedupe = Dedupe.FAMILY
    verify_matches: Verify = Verify.WARN
    expect: Expect | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row that asked for a request: file and line, or `rows` and index.

    Attributes:
        cells: template name to text, of every column; empty unless a table of
            requests shows them, since a plan holds no more than it needs.
    """

    source: str
    line: int
    cells: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One C-FIND with resolved keys at one peer.

    Attributes:
        id: path in the plan's tree, such as `3.0`; numeric order of the parts is
            plan order.
        sop_class: abstract syntax UID.
        charset: terms of (0008,0005) the keys are encoded in, as sent.
        bindings: matrix, row and window names with their text, for `carry` and
            output paths.
        batch: UIDs asked for as a list, or empty.
        repetition: 0 for the first.
        not_before: seconds after repetition 0 starts.
        fresh_association: it must not share an association with its repetitions.
        assumption: cause code that keeps a success from being complete, or None.
        negotiation: options of `dicom.extended.OPTIONS` that are asked, with PREFER
            or REQUIRE each; those that its keys need are REQUIRE.
        new_vr_as_ob: VRs that came after 1993 are sent as OB.
        origin: how it came into the world.
        parent: id of the request it was cut from, or whose rows it was made for;
            None for a planned one.
        family: id of the first request whose rows are merged with its own: of its
            `any_of` case, or what it was cut from; "" stands for its own id.
        extent: of time, for requests of a splitting query; else None.
        key: request key, 64 hexadecimal digits.
    """

    id: str
    query: str
    peer: str
    sop_class: str
    level: str | None
    calling_ae: str
    called_ae: str
    transfer_syntaxes: tuple[str, ...]
    priority: Priority
    identifier: Identifier
    charset: tuple[str, ...]
    cancel: Cancel
    bindings: Mapping[str, str] = field(default_factory=dict)
    source_rows: tuple[SourceRow, ...] = ()
    batch: tuple[str, ...] = ()
    repetition: int = 0
    not_before: float = 0.0
    fresh_association: bool = False
    assumption: str | None = None
    negotiation: Mapping[str, Asked] = field(default_factory=dict)
    new_vr_as_ob: bool = False
    origin: Origin = Origin.PLAN
    parent: str | None = None
    family: str = ""
    extent: Extent | None = None
    key: str

    @property
    def order(self) -> tuple[int, ...]:
        """The numeric parts of `id`: sorts requests into plan order."""
        return tuple(map(int, self.id.split(".")))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOutput:
    """One file to publish.

    Attributes:
        path: absolute.
        query: the query whose table it holds.
        requests: ids of the requests behind it, in plan order.
    """

    path: str
    format: OutputFormat
    query: str
    requests: tuple[str, ...]
    typed: bool
    provenance: bool
    publish: Publish
    overwrite: Overwrite
    options: OutputOptions = field(default_factory=OutputOptions)

    @property
    def is_directory(self) -> bool:
        """Whether a folder of files stands at the path, not one file."""
        return is_directory(self.format, self.options)


def is_directory(form: OutputFormat, options: OutputOptions) -> bool:
    """Whether an output is a folder of files, not one file."""
    return bool(options.partition_by) or (
        (form is OutputFormat.XML and options.xml.layout == "files")
        or (form is OutputFormat.DICOM and options.dicom.layout == "files")
    )


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file the plan was made from, with its SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What of the job's `run` execution needs.

    Attributes:
        directory: absolute folder in which run directories are made.
        deadline: seconds from the first request on, or None.
        overlap: other executions of the job may run at the same time.
    """

    directory: str
    concurrency: int
    stop_on_failure: bool
    per_request: PerRequest
    executor: str
    max_requests: int = 10_000
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    deadline: float | None = None
    outside_hours: OutsideHours = OutsideHours.STOP
    overlap: bool = False
    keep: Keep = field(default_factory=Keep)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every request of a job at one reading of the clock.

    Attributes:
        clock: the plan's now, ISO 8601 with offset.
        digest: SHA-256 over ids and request keys in plan order.
        skipped: problems of rows that were skipped as the job asks.
        dictionary: VRs and names of attributes that dictionary files added.
    """

    version: int
    job: str
    job_path: str
    clock: str
    timezone: str | None
    digest: str
    peers: Mapping[str, PlannedPeer]
    queries: Mapping[str, PlannedQuery]
    requests: tuple[Request, ...]
    outputs: tuple[PlannedOutput, ...]
    policy: Policy
    inputs: tuple[InputFile, ...] = ()
    warnings: tuple[Problem, ...] = ()
    skipped: tuple[Problem, ...] = ()
    dictionary: Dictionary = STANDARD
