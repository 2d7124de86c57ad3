"""A query made ready for multiplication: what is equal for all of its requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from batchfind.dicom.models import InformationModel, model_of
from batchfind.errors import Mark, Problem
from batchfind.job.inputs import Inputs
from batchfind.job.model import Output, Peer, Query, Rows, Scalar
from batchfind.job.output_model import TableKind
from batchfind.job.queries import RESERVED
from batchfind.plan.adaptive import splitting_of
from batchfind.plan.asked_peers import peers_of
from batchfind.plan.families import Family, family_of
from batchfind.plan.intervals import WindowKeys, window_keys
from batchfind.plan.keys import Key, keys_of
from batchfind.plan.lint import lint_charsets, lint_file, lint_places
from batchfind.plan.matrix import refuse_unread_axes
from batchfind.plan.negotiated import (
    common_options,
    lint_levels,
    lint_lists,
    lint_options,
)
from batchfind.plan.problems import Problems
from batchfind.plan.rows import (
    RowGroup,
    RowsRead,
    group_equal,
    join_batches,
    read_rows,
    safe_rows,
    unknown_names,
)
from batchfind.plan.scopes import Surroundings
from batchfind.plan.templates import Templates
from batchfind.sources.model import BaseIdentifier

_LEVEL = 0x00080052
_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A query before it is multiplied.

    Attributes:
        index: position in the job, the first part of its requests' ids.
        bases: base Identifiers, or one None.
        groups: rows by request, or one None.
        row_names: names whose values come from rows.
        absent: columns of rows that have no cells, with why.
        family: how its requests belong together, and with those of others.
        carry: names of bindings that become columns.
        bindings: every matrix, row, `any_of`, `for_each` and window name, in the
            order written.
        keeps_rows: rows enter the plan with all their cells, since a table of
            requests shows them; otherwise only cells that are sent do.
        skipped: problems of rows that were skipped as the job asks.
    """

    query: Query
    index: int
    model: InformationModel
    level: str | None
    peers: tuple[Peer, ...]
    keys: tuple[Key, ...]
    window: WindowKeys
    bases: tuple[BaseIdentifier | None, ...]
    groups: tuple[RowGroup | None, ...]
    row_names: frozenset[str]
    absent: Mapping[str, str]
    family: Family
    carry: tuple[str, ...]
    bindings: tuple[str, ...]
    keeps_rows: bool
    skipped: tuple[Problem, ...]


def prepare(
    query: Query,
    index: int,
    inputs: Inputs,
    surroundings: Surroundings,
    problems: Problems,
) -> Prepared:
    """What all requests of a query have in common; problems are noted."""
    templates = surroundings.templates
    model = model_of(query.model)
    keys = keys_of(query, templates)
    peers = peers_of(query, surroundings, problems)
    lint_charsets(query, peers, problems)
    lint_options(query, model, peers, problems)
    if not query.raw:
        lint_lists(keys, model, peers, problems)
    bases = inputs.bases_of(query)
    options = common_options(model, peers)
    for base in bases if not query.raw else ():
        lint_file(query, base.identifier, base.path, problems, options)
        lint_places(query, model, base.identifier, base.path, problems)
    level = query.level or _level_of_files(query, model, bases, problems)
    lint_levels(query, model, level, peers, problems)
    splitting = splitting_of(query, surroundings, problems)
    family = family_of(
        query,
        level=level,
        keys=keys,
        bases=bases,
        splitting=splitting,
        job=surroundings.job,
        problems=problems,
    )
    keys = family.keys
    chosen = _choose_rows(query, inputs, templates, keys, peers, level, problems)
    _refuse_names_twice(query, chosen, problems)
    read = _read_names(query, templates, keys, peers)
    read |= _names_in_paths(query, surroundings)
    refuse_unread_axes(query, read, chosen.columns, problems)
    users = [key.entry for key in keys if "window" in key.names]
    return Prepared(
        query=query,
        index=index,
        model=model,
        level=level,
        peers=peers,
        keys=keys,
        window=window_keys(query, users, problems),
        bases=bases or (None,),
        groups=chosen.groups,
        row_names=chosen.names,
        absent={**chosen.absent, **chosen.unknown, **family.absent},
        family=family,
        carry=_carry(query, chosen, problems),
        bindings=(*_carried_by_all(query, chosen), *_window_name(query)),
        keeps_rows=_shows_requests(query, surroundings.job.outputs),
        skipped=chosen.skipped,
    )


def _level_of_files(
    query: Query,
    model: InformationModel,
    bases: Iterable[BaseIdentifier],
    problems: Problems,
) -> str | None:
    """The level that base Identifiers bring; they must agree."""
    if not model.levels:
        return None
    found: dict[str, str] = {}
    for base in bases:
        for element in base.identifier:
            if element.tag == _LEVEL and isinstance(element.value, str):
                found[element.value] = base.path
    if len(found) == 1:
        ((level, file),) = found.items()
        if level in model.levels:
            return level
        if query.raw:
            return None
        message = f"model {model.name} has no level {level!r}"
        problems.error(Mark(file), f"queries.{query.name}.files", message)
        return None
    if query.raw:
        return None
    what = "the files name several levels" if found else "no file names a level"
    message = f"{what}; write 'level:' with one of {', '.join(model.levels)}"
    problems.error(query.mark, f"queries.{query.name}.level", message)
    return None


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What becomes of a query's rows."""

    groups: tuple[RowGroup | None, ...] = (None,)
    names: frozenset[str] = frozenset()
    columns: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[Problem, ...] = ()


def _choose_rows(
    query: Query,
    inputs: Inputs,
    templates: Templates,
    keys: tuple[Key, ...],
    peers: Iterable[Peer],
    level: str | None,
    problems: Problems,
) -> _Chosen:
    policy = query.rows
    if policy is None:
        return _Chosen()
    where = f"queries.{query.name}.rows"
    found = read_rows(query, policy, inputs.tables.get(query.name), problems)
    columns = found.names
    read = _read_names(query, templates, keys, peers)
    carried = columns if query.carry_all else query.carry
    names = tuple(name for name in columns if name in read or name in carried)
    _refuse_taken(query, found, read, problems)
    if columns and not read & {*columns, *found.taken, *found.absent}:
        message = (
            "no key uses a column of the rows; write one as {{ name }}, known are "
            + ", ".join(columns)
        )
        problems.error(policy.mark, where, message)
    needed = _keys_by_column(query, templates, keys, names)
    sent, skipped = safe_rows(found.rows, policy, needed, where, problems)
    groups = group_equal(sent, names)
    if policy.batch > 1:
        groups = _batches(query, policy, keys, names, level, groups, problems)
    unknown = unknown_names(read, RESERVED | query.matrix.keys(), found)
    return _Chosen(
        groups=tuple(groups),
        names=frozenset(names),
        columns=columns,
        absent=found.absent,
        unknown=unknown,
        skipped=tuple(skipped),
    )


def _keys_by_column(
    query: Query, templates: Templates, keys: Iterable[Key], names: Iterable[str]
) -> dict[str, list[str]]:
    """Each column that keys or `any_of` read, to the keys that are empty without it."""
    users = [(str(key.path), key.names, key.tested) for key in keys]
    for one in query.any_of:
        facts = [templates.facts(value) for value in one.values]
        users += [(str(one.key), fact.names, fact.tested) for fact in facts]
    return {
        name: list(
            dict.fromkeys(path for path, read, tested in users if name in read - tested)
        )
        for name in names
        if any(name in read for _, read, _ in users)
    }


def _refuse_taken(
    query: Query, rows: RowsRead, read: frozenset[str], problems: Problems
) -> None:
    """Headers that something else hides must not be read, nor lost in silence."""
    where = f"queries.{query.name}.rows"
    for name, why in rows.taken.items():
        if name in read or name in query.carry:
            problems.error(rows.mark, where, why)
    left_out = (*rows.unnamed, *rows.taken, *rows.absent)
    if query.carry_all and left_out:
        shown = ", ".join(repr(name[:64]) for name in left_out[:_SHOWN])
        more = f" and {len(left_out) - _SHOWN} more" if len(left_out) > _SHOWN else ""
        message = (
            f"carry: all leaves out {shown}{more}, which cannot be template names;"
            " name them under columns to carry them"
        )
        problems.warn(rows.mark, f"queries.{query.name}.carry", message)


def _read_names(
    query: Query, templates: Templates, keys: Iterable[Key], peers: Iterable[Peer]
) -> frozenset[str]:
    """Every name that keys, alternatives, AE titles and window of a query read."""
    window = query.window
    scalars: list[Scalar | None] = [query.calling_ae, query.called_ae]
    scalars += [ae for peer in peers for ae in (peer.calling_ae, peer.called_ae)]
    scalars += [window.start, window.end] if window is not None else []
    scalars += [value for one in query.any_of for value in one.values]
    named = templates.reads(scalar for scalar in scalars if scalar is not None)
    return named.union(*(key.names for key in keys))


def _names_in_paths(query: Query, surroundings: Surroundings) -> frozenset[str]:
    """Every name that the path of an output of this query reads."""
    job = surroundings.job
    return surroundings.templates.reads(
        output.path
        for output in job.outputs
        if query.name in (output.queries or job.queries)
    )


def _batches(
    query: Query,
    policy: Rows,
    keys: Iterable[Key],
    names: tuple[str, ...],
    level: str | None,
    groups: list[RowGroup],
    problems: Problems,
) -> list[RowGroup]:
    """Rows joined into UID lists, where nothing but the unique key reads them."""
    users = [key for key in keys if key.names.intersection(names)]
    unique = _unique_key(query, level)
    fits = (
        len(users) == 1
        and users[0].sole is not None
        and names == (users[0].sole,)
        and users[0].path.vr == "UI"
        and users[0].path.dotted == unique
    )
    if not fits:
        message = (
            f"batch needs rows that feed {unique or 'a unique UID key'} alone, as"
            " {{ name }}, and nothing else; correct the keys or remove batch"
        )
        problems.error(policy.mark, f"queries.{query.name}.rows.batch", message)
        return groups
    return join_batches(groups, names[0], policy.batch)


def _unique_key(query: Query, level: str | None) -> str | None:
    model = model_of(query.model)
    if level is not None:
        return model.unique_key(level)
    return model.model_identity[0] if len(model.model_identity) == 1 else None


def _shows_requests(query: Query, outputs: Iterable[Output]) -> bool:
    return any(
        output.options.table is TableKind.REQUESTS
        and (not output.queries or query.name in output.queries)
        for output in outputs
    )


def _refuse_names_twice(query: Query, chosen: _Chosen, problems: Problems) -> None:
    """Notes a column of rows that bears the name of an alternative."""
    for one in query.any_of:
        if one.name in chosen.columns:
            message = (
                f"the rows have a column {one.name}, too, and one name cannot carry"
                " both; rename it under rows.columns"
            )
            where = f"queries.{query.name}.any_of.{one.key}"
            problems.error(one.mark, where, message)


def _carried_by_all(query: Query, chosen: _Chosen) -> tuple[str, ...]:
    """Every name that can be carried."""
    of_rows = query.for_each.columns if query.for_each is not None else ()
    alternatives = (one.name for one in query.any_of)
    return (*query.matrix, *chosen.columns, *alternatives, *of_rows)


def _window_name(query: Query) -> tuple[str, ...]:
    return ("window",) if query.window is not None else ()


def _carry(query: Query, chosen: _Chosen, problems: Problems) -> tuple[str, ...]:
    """Names of bindings to carry."""
    known = _carried_by_all(query, chosen)
    if query.carry_all:
        return known
    for name in query.carry:
        if name in chosen.absent:
            where = f"queries.{query.name}.carry"
            problems.error(query.mark, where, chosen.absent[name])
        elif name not in known:
            message = f"{name!r} cannot be a template name; rename it under columns"
            problems.error(query.mark, f"queries.{query.name}.carry", message)
    return query.carry
