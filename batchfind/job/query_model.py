"""A query as the user wrote it, validated and frozen.

Values that may hold a template or become part of an Identifier are `Scalar`s:
their source text with the place it stands, so that a problem found later, when
the plan renders it, can still name file, line and column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from batchfind.dicom.paths import KeyPath
from batchfind.errors import Mark


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text exactly as written, and where."""

    text: str
    mark: Mark


class Lint(Enum):
    """Whether what the standard forbids is an error or a warning."""

    STRICT = "strict"
    LENIENT = "lenient"


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
