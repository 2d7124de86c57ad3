"""Finds the Query/Retrieve Level of a query, and keys that do not belong to it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from batchfind.dicom.models import MODELS, InformationModel
from batchfind.dicom.paths import KeyPath
from batchfind.job.model import KeyEntry
from batchfind.job.section import Section

LEVELS: Final = frozenset(level for model in MODELS.values() for level in model.levels)
"""Every Query/Retrieve Level of any model."""


def read_level(
    query: Section, model: InformationModel, paths: Iterable[KeyPath]
) -> str | None:
    """The level of a query, as written or else inferred; problems are reported.

    It is inferred as the lowest level of which a key is asked, provided that of the
    levels above only unique keys are: a hierarchical query allows no others there.

    Args:
        query: the query.
        model: its information model.
        paths: every key path it asks for.

    Returns:
        The level; None for models without levels, and for base Identifiers that
        may bring their own.

    Source: PS3.4 Section C.4.1.2.2.1.
    """
    written = query.text("level")
    if written is not None:
        return _checked(query, model, written)
    if len(model.levels) <= 1:
        return model.levels[0] if model.levels else None
    by_level = _keys_by_level(model, paths)
    asked = [level for level in model.levels if level in by_level]
    if not asked:
        if not query.has("files") and not query.report.failed:
            choices = ", ".join(model.levels)
            message = f"the keys tell no level; write 'level:' with one of {choices}"
            query.report.error(query.node.mark, query.place("level"), message)
        return None
    foreign = [key for key, _ in foreign_keys(model, asked[-1], paths)]
    if foreign:
        message = (
            f"the keys belong to {' and '.join(asked)} ({', '.join(foreign[:3])} "
            f"above {asked[-1]}); write 'level:' with one of {', '.join(asked)}"
        )
        query.report.error(query.node.mark, query.place("level"), message)
        return None
    return asked[-1]


def raw_level(
    query: Section, model: InformationModel, keys: Iterable[KeyEntry]
) -> str | None:
    """The level that a raw query's own (0008,0052) names, if it is one.

    Tables know rows by it; nothing is sent but what the keys say.
    """
    if query.has("level"):
        message = "a raw query sends its keys only; write QueryRetrieveLevel there"
        query.error("level", message)
    for entry in keys:
        if entry.path.dotted == "QueryRetrieveLevel" and len(entry.values) == 1:
            text = entry.values[0].text
            return text if text in model.levels else None
    return None


def foreign_keys(
    model: InformationModel, level: str, paths: Iterable[KeyPath]
) -> list[tuple[str, str]]:
    """Keywords, with their level, that a hierarchical query at a level cannot ask.

    Source: PS3.4 Section C.4.1.2.2.1.
    """
    allowed = {level: None} | {
        upper.name: upper.unique for upper in model.upper_levels(level)
    }
    found = []
    for keyword, owner in _owned(model, paths):
        if owner != level and allowed.get(owner) != keyword:
            found.append((keyword, owner))
    return found


def _checked(query: Section, model: InformationModel, written: str) -> str | None:
    if written not in LEVELS:
        return None  # the schema has said so
    try:
        model.level(written)
    except ValueError as error:
        query.error("level", str(error))
        return None
    return written


def _keys_by_level(
    model: InformationModel, paths: Iterable[KeyPath]
) -> dict[str, list[str]]:
    by_level: dict[str, list[str]] = {}
    for keyword, level in _owned(model, paths):
        by_level.setdefault(level, []).append(keyword)
    return by_level


def _owned(
    model: InformationModel, paths: Iterable[KeyPath]
) -> Iterable[tuple[str, str]]:
    """Root keywords that belong to a level, with that level."""
    for path in paths:
        level = model.level_of_key(path.names[0])
        if level is not None:
            yield path.names[0], level
