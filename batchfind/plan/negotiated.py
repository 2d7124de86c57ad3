"""Extended negotiation: what a request asks its peer for, and what its keys need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from batchfind.dicom.dictionary import tag_of
from batchfind.dicom.extended import OPTIONS, offered_by
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, Step, parse_path
from batchfind.dicom.vrs import SINGLE_VALUED_VRS
from batchfind.job.keys import several_values
from batchfind.job.levels import foreign_keys
from batchfind.job.model import Peer, Query
from batchfind.job.transport_model import Asked
from batchfind.plan.keys import Key
from batchfind.plan.problems import Problems

EMPTY_VALUE: Final = '""'
"""The key that matches empty attributes. Source: PS3.4 Section C.2.2.2.7."""

STEERING: Final = {
    parse_path("TimezoneOffsetFromUTC").tag: "timezone",
    parse_path("QueryRetrieveView").tag: "enhanced_multi_frame",
}
"""Attributes that steer a query, each only where its option was accepted.

Source: PS3.4 Section C.4.1.1.3.
"""

_NONE: Final[frozenset[str]] = frozenset()


def options_of(peer: Peer, model: InformationModel) -> frozenset[str]:
    """The options asked of a peer that the information model has."""
    return frozenset(peer.negotiation.options).intersection(offered_by(model.uid))


def negotiation_of(
    peer: Peer, model: InformationModel, level: str | None, identifier: Identifier
) -> dict[str, Asked]:
    """What one request asks; an option that its keys need is required.

    Args:
        peer: its options that are off are never asked.
        model: decides which options there are.
        level: of the query, or None.
        identifier: the request's keys.
    """
    asked = options_of(peer, model) if peer.negotiation.options else _NONE
    if not asked:
        return {}
    needed = frozenset(_needs(model, level, identifier))
    return {
        name: Asked.REQUIRE if name in needed else peer.negotiation.options[name]
        for name in OPTIONS
        if name in asked
    }


def lint_options(
    query: Query, model: InformationModel, peers: Iterable[Peer], problems: Problems
) -> None:
    """Reports options that a query's information model does not have."""
    offered = offered_by(model.uid)
    for peer in peers:
        for name, asked in peer.negotiation.options.items():
            if name in offered:
                continue
            where = f"peers.{peer.name}.negotiation.{name}"
            message = (
                f"the model {model.name} of query {query.name} has no option {name}"
            )
            if asked is Asked.REQUIRE:
                message += "; write prefer, or a second peer without it for this query"
                problems.error(peer.mark, where, message)
            else:
                problems.warn(peer.mark, where, f"{message}: it is asked without")


def lint_lists(
    keys: Iterable[Key],
    model: InformationModel,
    peers: Iterable[Peer],
    problems: Problems,
) -> None:
    """Reports lists for keys that hold no UIDs, where a peer is not asked to take them.

    Source: PS3.4 Section C.2.2.2.8.
    """
    without = [
        peer for peer in peers if "multiple_value" not in options_of(peer, model)
    ]
    for key in keys:
        if without and key.path.vr != "UI" and len(key.entry.values) > 1:
            message = f"{several_values(key.path)}, or negotiate multiple_value with "
            message += ", ".join(peer.name for peer in without)
            problems.error(key.entry.values[0].mark, key.where, message)


def lint_levels(
    query: Query,
    model: InformationModel,
    level: str | None,
    peers: Iterable[Peer],
    problems: Problems,
) -> None:
    """Reports keys of other levels, where a peer is not asked for relational queries.

    Source: PS3.4 Section C.4.1.2.2.1.
    """
    if level is None or all("relational" in options_of(one, model) for one in peers):
        return
    marks = {entry.path: entry.mark for entry in (*query.keys, *query.returns)}
    if query.window is not None and query.window.key is not None:
        marks.setdefault(query.window.key, query.window.mark)
    for one in query.any_of:
        marks.setdefault(one.key, one.mark)
    for path in query.for_each.keys if query.for_each is not None else ():
        marks.setdefault(path, query.mark)
    foreign = foreign_keys(model, level, marks)
    if foreign:
        names = ", ".join(f"{keyword} ({owner})" for keyword, owner in foreign)
        message = (
            f"{names}: not a key at {level}, so a peer may ignore it or refuse the "
            "query (PS3.4 C.4.1.2.2.1)"
        )
        first = next(path for path in marks if path.names[0] == foreign[0][0])
        problems.warn(marks[first], f"queries.{query.name}.keys", message)


def common_options(model: InformationModel, peers: Iterable[Peer]) -> frozenset[str]:
    """The options that every one of some peers is asked for."""
    each = [options_of(peer, model) for peer in peers]
    return frozenset.intersection(*each) if each else _NONE


def lacks_upper_key(
    model: InformationModel, level: str, identifier: Identifier
) -> Iterator[tuple[str, str]]:
    """Levels above one, each with its unique key, that a query does not fix.

    Source: PS3.4 Section C.4.1.2.1.
    """
    texts = {element.tag: element.value for element in identifier}
    for upper in model.upper_levels(level):
        value = texts.get(tag_of(upper.unique) or 0)
        if not isinstance(value, str) or not value or set(value) & set("*?\\"):
            yield upper.name, upper.unique


def _needs(
    model: InformationModel, level: str | None, identifier: Identifier
) -> Iterator[str]:
    """The options without which the keys mean nothing, or something else."""
    if level is not None:
        roots = [KeyPath((Step(one.tag, one.vr),)) for one in identifier]
        relational = foreign_keys(model, level, roots)
        if relational or any(lacks_upper_key(model, level, identifier)):
            yield "relational"
    for element in _leaves(identifier):
        value = element.value
        if not isinstance(value, str) or not value:
            continue
        if element.tag in STEERING:
            yield STEERING[element.tag]
        if value == EMPTY_VALUE:
            yield "empty_value"
        if "\\" in value and element.vr not in SINGLE_VALUED_VRS | {"UI"}:
            yield "multiple_value"


def _leaves(identifier: Identifier) -> Iterator[Element]:
    for element in identifier:
        if isinstance(element.value, tuple):
            for item in element.value:
                yield from _leaves(item)
        else:
            yield element
