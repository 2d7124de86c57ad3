"""Queries of a job: model, level, keys and how they multiply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.models import InformationModel, model_of
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.job.families import (
    check_within,
    check_written_once,
    marks_of,
    read_any_of,
    read_policies,
    read_unique,
    written_keys,
)
from batchfind.job.for_each import check_parents, read_for_each
from batchfind.job.keys import (
    KeyRules,
    check_once,
    read_keys,
    read_path,
    read_returns,
)
from batchfind.job.levels import raw_level, read_level
from batchfind.job.lints import check_model, check_places, is_lenient
from batchfind.job.matrix import read_exclude, read_matrix
from batchfind.job.model import (
    AnyOf,
    Cancel,
    ForEach,
    KeyEntry,
    Lint,
    Query,
    Repeat,
    Rows,
    Scalar,
    Window,
)
from batchfind.job.nodes import ScalarNode
from batchfind.job.peers import check_ae_title
from batchfind.job.rows import read_rows
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean
from batchfind.job.windows import read_window

RESERVED: Final = frozenset(
    (
        *("peer", "query", "vars", "window", "env"),
        *("today", "yesterday", "tomorrow", "now"),
        *("minutes", "hours", "days", "weeks", "months"),
    )
)
"""Names of templates that no matrix axis or column may take."""


@dataclass(frozen=True, slots=True)
class PeerNames:
    """Peers that queries may name; not `complete` when a file of them is missing.

    Attributes:
        options: of extended negotiation, that some peer is asked for.
    """

    names: tuple[str, ...]
    complete: bool
    options: frozenset[str] = frozenset()


def read_queries(
    root: Section, peers: PeerNames, known: Dictionary = STANDARD
) -> dict[str, Query]:
    """The queries of a job by name; each one's problems are reported."""
    sections = root.section("queries").sections()
    queries = {
        key.text: _read_query(key, query, peers, known) for key, query in sections
    }
    check_parents(root, queries)
    return queries


def _read_query(
    key: ScalarNode, query: Section, peers: PeerNames, known: Dictionary
) -> Query:
    flags: dict[str, Any] = query.flags("allow_universal", "raw", "data_correction")
    rules = KeyRules(
        known=known,
        lists="multiple_value" in peers.options,
        raw=flags.get("raw", False),
    )
    keys, returns = read_keys(query, rules), read_returns(query, rules)
    check_once((*keys, *returns), query.place("keys"), query.report, rules)
    model = _model(query)
    window = read_window(query, model, known)
    rows = read_rows(query)
    matrix = read_matrix(query)
    _check_names(query, matrix, rows)
    any_of = read_any_of(query, rules)
    taken = RESERVED.union(one.name for one in any_of)
    for_each = read_for_each(query, known, taken)
    others = written_keys(query, window, any_of, for_each)
    check_written_once(query, keys, window, others)
    if not rules.raw:
        check_within(query, (*keys, *returns), window, others)
    paths = _asked_paths((*keys, *returns), window, any_of, for_each)
    if not paths and not query.has("files") and not query.report.failed:
        message = "a query needs 'keys', 'return' or 'files'"
        query.report.error(query.node.mark, query.path, message)
    if model is not None:
        beside = [(one.path, one.mark, one.place) for one in others]
        check_places(query, model, keys, returns, window, beside)
    level = _level(query, model, keys, paths, rules)
    if model is not None and paths:
        check_model(query, model, keys)
    return Query(
        name=key.text,
        mark=key.mark,
        model=query.text("model") or "",
        level=level,
        peers=_peers(query, peers),
        calling_ae=check_ae_title(query, "calling_ae"),
        called_ae=check_ae_title(query, "called_ae"),
        files=query.paths("files"),
        keys=keys,
        returns=returns,
        matrix=matrix,
        exclude=read_exclude(query, matrix),
        rows=rows,
        window=window,
        repeat=_repeat(query.section("repeat")),
        cancel=_cancel(query.section("cancel")),
        explode=_explode(query, model, paths, known),
        any_of=any_of,
        for_each=for_each,
        unique=read_unique(query, known),
        marks=marks_of(query),
        lint=Lint.LENIENT if is_lenient(query) else Lint.STRICT,
        **_carry(query, {*matrix, *_own_names(any_of, for_each)}, rows),
        **read_policies(query),
        **flags,
    )


def _asked_paths(
    written: Iterable[KeyEntry],
    window: Window | None,
    any_of: Iterable[AnyOf],
    for_each: ForEach | None,
) -> list[KeyPath]:
    """Every key the query asks by or for, wherever it is written."""
    paths = [entry.path for entry in written]
    if window is not None and window.key is not None:
        paths.append(window.key)
    paths += [one.key for one in any_of]
    paths += for_each.keys if for_each is not None else ()
    return paths


def _level(
    query: Section,
    model: InformationModel | None,
    keys: tuple[KeyEntry, ...],
    paths: list[KeyPath],
    rules: KeyRules,
) -> str | None:
    if model is None:
        return None
    return (
        raw_level(query, model, keys) if rules.raw else read_level(query, model, paths)
    )


def _model(query: Section) -> InformationModel | None:
    name = query.text("model")
    if name is None:
        return None
    try:
        return model_of(name)
    except ValueError:
        return None  # the schema has said so


def _peers(query: Section, peers: PeerNames) -> tuple[Scalar, ...]:
    if not query.has("peers"):
        if len(peers.names) == 1:
            return (Scalar(peers.names[0], query.node.mark),)
        if peers.names and peers.complete and not query.has("for_each"):
            message = (
                f"the field 'peers' is missing; name some of {_listed(peers.names)}"
            )
            query.report.error(query.node.mark, query.path, message)
        return ()
    named = query.scalars("peers")
    seen = set()
    for scalar in named:
        if "{{" in scalar.text or "{%" in scalar.text:
            continue
        problem = ""
        if scalar.text not in peers.names and peers.complete:
            meant = did_you_mean(scalar.text, peers.names)
            problem = f"there is no peer '{scalar.text[:64]}'{meant}"
        elif scalar.text in seen:
            problem = f"the peer '{scalar.text}' is named twice"
        if problem:
            query.report.error(scalar.mark, query.place("peers"), problem)
        seen.add(scalar.text)
    return named


def _listed(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:8]) + (", …" if len(shown) > 8 else "")


def _check_names(
    query: Section, matrix: Mapping[str, object], rows: Rows | None
) -> None:
    """Template names are free, and each one has one source."""
    for field in ("matrix", "rows.columns"):
        section = query
        for part in field.split("."):
            section = section.section(part)
        for key, _ in section.entries():
            if key.text in RESERVED:
                message = f"'{key.text}' has a meaning of its own; choose another name"
                query.report.error(key.mark, section.place(key.text), message)
    if rows is None:
        return
    names = {name for row in rows.inline for name in row} | set(rows.columns)
    for name in sorted(names):
        if name in matrix:
            message = f"'{name}' is a matrix axis too; rename one of them"
            query.error("rows", message)
        elif name in RESERVED and name not in rows.columns:
            query.error("rows", f"'{name}' has a meaning of its own; rename the column")


def _repeat(repeat: Section) -> Repeat:
    fields: dict[str, Any] = repeat.integers("times") | repeat.durations("every")
    if (association := repeat.text("association")) is not None:
        fields["association"] = association
    return Repeat(**fields)


def _cancel(cancel: Section) -> Cancel:
    return Cancel(
        after_responses=cancel.integers("after_responses").get("after_responses"),
        after=cancel.durations("after").get("after"),
    )


def _explode(
    query: Section,
    model: InformationModel | None,
    paths: list[KeyPath],
    known: Dictionary,
) -> KeyPath | None:
    if query.text("explode") == "none":
        return None
    path = read_path(query, "explode", known)
    if query.has("explode"):
        if path is None:
            return None
        if path.vr != "SQ":
            query.error("explode", f"{path.dotted} is {path.vr}, not a sequence")
        elif not _asks_for(path, paths) and not query.has("files"):
            query.error("explode", f"{path.dotted} is not among the keys")
        return path
    if model is None or model.row_sequence is None:
        return None
    default = parse_path(model.row_sequence)
    return default if _asks_for(default, paths) or query.has("files") else None


def _asks_for(sequence: KeyPath, paths: Iterable[KeyPath]) -> bool:
    tags = [step.tag for step in sequence.steps]
    return any([step.tag for step in path.steps[: len(tags)]] == tags for path in paths)


def _own_names(any_of: Iterable[AnyOf], for_each: ForEach | None) -> tuple[str, ...]:
    """Names that alternatives and rows of another query bring along."""
    columns = for_each.columns if for_each is not None else ()
    return (*(one.name for one in any_of), *columns)


def _carry(query: Section, named: set[str], rows: Rows | None) -> dict[str, Any]:
    if query.text("carry") == "all":
        return {"carry_all": True}
    names = query.texts("carry")
    known = set(named)
    if rows is not None:
        known |= {name for row in rows.inline for name in row} | set(rows.columns)
        if rows.source is not None and not rows.columns:
            return {"carry": names}  # its headers are known once the file is read
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known)
            message = (
                f"'{name[:64]}' is no name of matrix, rows, any_of or for_each{meant}"
            )
            query.error("carry", message)
    return {"carry": names}
