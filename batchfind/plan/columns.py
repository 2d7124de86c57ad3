"""The columns of a query's tables, fixed by what it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batchfind.dicom.dictionary import STANDARD, Dictionary, is_private_creator
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.paths import KeyPath, Step, step_of
from batchfind.plan.encoding import CHARSET
from batchfind.plan.identifiers import LEVEL
from batchfind.plan.model import Growing, PlannedQuery
from batchfind.plan.prepare import Prepared
from batchfind.plan.requests import Asked


def planned_query(asked: Asked, known: Dictionary = STANDARD) -> PlannedQuery:
    """What a query's tables look like.

    Columns stand in the order written: `keys`, `return`, what only base Identifiers
    hold, what the window, `any_of` and `for_each` write, and last the keys that were
    added. Level and character set are no columns.
    """
    prepared = asked.prepared
    family = prepared.family
    query = prepared.query
    written = [key.path for key in prepared.keys if _is_column(key.path)]
    from_files = [
        path
        for base in prepared.bases
        if base is not None
        for path in leaves_of(base.identifier, known)
        if _is_column(path)
    ]
    by_window = [
        path
        for path in (prepared.window.date, prepared.window.time)
        if path is not None
    ]
    held = {*written, *from_files}
    alternatives = [one.key for one in query.any_of]
    others = [*by_window, *alternatives, *family.bound, *family.added]
    columns = dict.fromkeys([*written, *from_files, *others])
    return PlannedQuery(
        name=query.name,
        sop_class=prepared.model.uid,
        model=prepared.model.name,
        level=prepared.level,
        columns=_outermost(columns),
        explode=query.explode,
        carry=prepared.carry,
        added=(
            *_added_names(prepared, asked),
            *(path.dotted for path in by_window if path not in held),
            *(path.dotted for path in family.added if path not in held),
        ),
        bindings=prepared.bindings,
        data_correction=query.data_correction,
        splitting=family.splitting,
        growing=_growing(asked),
        identity=family.identity,
        merges=family.merges,
        dedupe=query.dedupe,
        verify_matches=query.verify_matches,
        expect=query.expect,
    )


def _growing(asked: Asked) -> Growing | None:
    """The requests it has for each row of another query; those made are patterns."""
    each = asked.prepared.query.for_each
    if each is None:
        return None
    return Growing(
        query=each.query,
        binds=asked.prepared.family.binds,
        columns=each.columns,
        limit=each.limit,
        patterns=asked.requests,
    )


def _is_column(path: KeyPath) -> bool:
    """Whether tables show it; raw keys may hold what only steers a request."""
    return path not in (LEVEL, CHARSET) and bool(path.tag & 0xFFFF)


def _outermost(paths: dict[KeyPath, None]) -> tuple[KeyPath, ...]:
    """Paths without a sequence that stands there whole and by its keys, too."""
    within = {_whatever_items(path.sequences) for path in paths}
    return tuple(path for path in paths if _whatever_items(path.steps) not in within)


def _whatever_items(steps: tuple[Step, ...]) -> tuple[tuple[int, str | None], ...]:
    return tuple((step.tag, step.creator) for step in steps)


def _added_names(prepared: Prepared, asked: Asked) -> Iterator[str]:
    if prepared.query.raw:
        return
    if prepared.level is not None:
        yield LEVEL.dotted
    if any(request.charset for request in asked.requests):
        yield CHARSET.dotted


def leaves_of(
    identifier: Identifier,
    known: Dictionary = STANDARD,
    above: tuple[Step, ...] = (),
) -> Iterator[KeyPath]:
    """The key paths of an Identifier's leaves; private creators are none.

    A sequence without keys in it is a leaf itself.
    """
    creators = {
        element.tag: element.value
        for element in identifier
        if is_private_creator(element.tag) and isinstance(element.value, str)
    }
    for element in identifier:
        if element.tag in creators:
            continue
        creator = creators.get(element.tag & 0xFFFF0000 | element.tag >> 8 & 0xFF)
        creator = None if creator is None else creator.strip(" ")
        tag = element.tag
        if creator is not None:
            # As a job names it: the block is given out anew in each Identifier.
            tag = tag & 0xFFFF00FF | 0x1000
        items = element.value if isinstance(element.value, tuple) else ()
        step = step_of(tag, element.vr, creator, known)
        inner = [
            path
            for number, item in enumerate(items)
            for path in leaves_of(item, known, (*above, replace(step, item=number)))
        ]
        if inner:
            yield from inner
        else:
            yield KeyPath((*above, step))
