"""A job as the user wrote it, validated and frozen.

Values that may hold a template or become part of an Identifier are `Scalar`s:
their source text with the place it stands, so that a problem found later, when
the plan renders it, can still name file, line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.paths import KeyPath
from batchfind.errors import Mark, Problem
from batchfind.job.output_model import OutputOptions, Overwrite
from batchfind.job.transport_model import (
    Material,
    Negotiation,
    Tls,
    UserIdentity,
)
from batchfind.sources.model import DictionaryFile


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text exactly as written, and where."""

    text: str
    mark: Mark


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


class Lint(Enum):
    """Whether what the standard forbids is an error or a warning."""

    STRICT = "strict"
    LENIENT = "lenient"


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
        response_cap: a success with exactly so many responses is suspect.
    """

    associations: int = 2
    queries_per_association: int = 100
    response_cap: ResponseCap = field(default_factory=ResponseCap)


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


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One leaf of `keys` or `return`.

    Attributes:
        path: where in the Identifier.
        values: one scalar, or the list of a UID list; a zero-length text asks for
            the attribute and matches everything.
        mark: place of the key's name.
        entered: of a raw sequence: it has items, empty ones, up to that of the
            path; otherwise it has none.
    """

    path: KeyPath
    values: tuple[Scalar, ...]
    mark: Mark
    entered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    r"""Rows that each give one request.

    Attributes:
        source: file to read, or None when `inline` holds the rows.
        inline: rows as written, template name to scalar.
        columns: template name to column header of the file.
        delimiter: one character, or None to sniff it.
        encoding: of a text file, or None for UTF-8.
        skip_empty: an empty cell in a matching key skips the row, else an error.
        literal: `* ? \\` in a cell are refused.
        batch: rows in one request as a UID list, 1 or more.
    """

    mark: Mark
    source: Path | None = None
    inline: tuple[Mapping[str, Scalar], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    delimiter: str | None = None
    encoding: str | None = None
    skip_empty: bool = False
    literal: bool = True
    batch: int = 1


class Unset(Enum):
    """What is done about rows without a time, once a day was cut by time."""

    PROBE = "probe"
    ASSUME_NONE = "assume-none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """A further key by which a piece is cut that cannot be cut by time any more.

    Attributes:
        values: one request each.
        exhaustive: the author declares that every row has one of them.
    """

    mark: Mark
    key: KeyPath
    values: tuple[Scalar, ...]
    exhaustive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """How a piece of a window is cut further where a peer caps.

    Attributes:
        floor: seconds; no piece of a day is cut shorter, 1 or more.
    """

    floor: int = 900
    unset: Unset = Unset.PROBE
    then: tuple[Then, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A date interval cut into steps.

    Attributes:
        key: the date key it writes, or None when `{{ window }}` does.
        time_key: the time that pairs with `key`; needed for steps under a day.
        start, end: inclusive days, templates allowed; None leaves the end open.
        step: seconds of one piece, or None for one piece in all.
        split: pieces are cut further where a peer caps; None: they are not.
    """

    mark: Mark
    key: KeyPath | None = None
    time_key: KeyPath | None = None
    start: Scalar | None = None
    end: Scalar | None = None
    step: int | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForEach:
    """Requests for every row of another query.

    Attributes:
        query: name of the parent query.
        keys: keys that take their value from the parent's row.
        columns: template name to a key of the parent query.
        limit: so many requests at most.
    """

    mark: Mark
    query: str
    keys: tuple[KeyPath, ...] = ()
    columns: Mapping[str, KeyPath] = field(default_factory=dict)
    limit: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """A key of which any one of several values may match: one request each."""

    mark: Mark
    key: KeyPath
    values: tuple[Scalar, ...]

    @property
    def name(self) -> str:
        """The key's keyword: its name in `carry`."""
        return self.key.leaf.name


class Dedupe(Enum):
    """Among which requests equal rows are merged."""

    FAMILY = "family"
    QUERY = "query"
    OFF = "off"


class Verify(Enum):
    """What becomes of rows that do not match the keys they were asked by."""

    WARN = "warn"
    DROP = "drop"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """What must hold for all rows of a query in a run.

    Attributes:
        complete: every request is complete, or limited as asked.
        min_rows, max_rows: bounds of the number of rows, or None.
        unique: columns whose values together occur once.
        not_null: columns that have a value in every row.
    """

    complete: bool = False
    min_rows: int | None = None
    max_rows: int | None = None
    unique: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same request several times.

    Attributes:
        times: 1 or more.
        every: seconds from one start to the next.
        association: `same`, or `new` for each repetition.
    """

    times: int = 1
    every: float = 0.0
    association: str = "same"


@dataclass(frozen=True, slots=True)
class Cancel:
    """When a request is cancelled by its own wish.

    Attributes:
        after_responses: C-CANCEL once so many responses came, or None.
        after: C-CANCEL after so many seconds, or None.
    """

    after_responses: int | None = None
    after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A named query of a job.

    Attributes:
        model: name from the table of information models, or a SOP Class UID.
        level: Query/Retrieve Level, or None to infer it or for models without.
        peers: names of the peers to ask.
        files: base Identifiers, one request each.
        keys: leaves of `keys` in the order written.
        returns: leaves of `return` in the order written.
        explode: sequence whose items become rows, or None.
        carry: names of matrix and row columns that become columns.
        raw: nothing is added, values and item counts are sent as written.
        data_correction: padding and stray spaces are taken from values received.
        any_of: alternatives; each combination is a request, and rows are merged.
        for_each: the query whose rows it is asked for, or None.
        unique: keys that tell rows apart, instead of the model's.
        verify_matches: whether rows are checked against the keys.
        expect: None expects nothing.
        marks: dotted place below the query, such as `unique[0]`, to where it
            stands, for what only the plan can judge.
    """

    name: str
    mark: Mark
    model: str
    level: str | None = None
    peers: tuple[Scalar, ...] = ()
    calling_ae: Scalar | None = None
    called_ae: Scalar | None = None
    files: tuple[Path, ...] = ()
    keys: tuple[KeyEntry, ...] = ()
    returns: tuple[KeyEntry, ...] = ()
    matrix: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    exclude: tuple[Mapping[str, Scalar], ...] = ()
    rows: Rows | None = None
    window: Window | None = None
    repeat: Repeat = field(default_factory=Repeat)
    cancel: Cancel = field(default_factory=Cancel)
    explode: KeyPath | None = None
    carry: tuple[str, ...] = ()
    carry_all: bool = False
    lint: Lint = Lint.STRICT
    allow_universal: bool = False
    raw: bool = False
    data_correction: bool = False
    any_of: tuple[AnyOf, ...] = ()
    for_each: ForEach | None = None
    unique: tuple[KeyPath, ...] = ()
    dedupe: Dedupe = Dedupe.FAMILY
    verify_matches: Verify = Verify.WARN
    expect: Expect | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRequest:
    """Limits of one request: responses, Identifier bytes, seconds (None: none)."""

    responses: int = 1_000_000
    bytes: int = 1 << 30
    time: float | None = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPolicy:
    """How a job runs.

    Attributes:
        directory: where run directories are made, or None for the default.
        concurrency: requests in flight, 1 or more.
        stop_on_failure: no new request starts after the first failure.
        max_requests: a plan with more is refused.
    """

    directory: Path | None = None
    concurrency: int = 32
    stop_on_failure: bool = False
    max_requests: int = 10_000
    per_request: PerRequest = field(default_factory=PerRequest)
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
