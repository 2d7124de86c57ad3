"""What the standard forbids and what peers treat differently, in rendered keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batchfind.dicom.code_extensions import check_character_set
from batchfind.dicom.dictionary import is_private_creator, label
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.lint import Finding, FindingLevel, check_matching_value
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, Step, parse_path
from batchfind.errors import Mark
from batchfind.job.lints import PLACES, misplaced
from batchfind.job.model import Lint, Peer, Query
from batchfind.plan.keys import Leaf, is_universal
from batchfind.plan.problems import Problems

NEVER_MATCHED = frozenset({0x00080005, 0x00080052, 0x00080201})
"""SpecificCharacterSet, QueryRetrieveLevel, TimezoneOffsetFromUTC: no keys.

Source: PS3.4 Sections C.2.2.2 and C.4.1.1.3.
"""


def asks_for_everything(identifier: Identifier) -> bool:
    """Whether no key of an Identifier narrows the answer."""
    return all(_is_open(element) for element in identifier)


def _is_open(element: Element) -> bool:
    value = element.value
    if element.tag in NEVER_MATCHED or is_private_creator(element.tag):
        return True
    if isinstance(value, tuple):
        return all(asks_for_everything(item) for item in value)
    return is_universal(value) if isinstance(value, str) else not value


def lint_leaves(query: Query, leaves: Iterable[Leaf], problems: Problems) -> None:
    """Checks each rendered value against the matching rules of its VR."""
    for leaf in leaves:
        if not leaf.text or leaf.path.vr == "SQ":
            continue
        found = check_matching_value(leaf.path.vr, leaf.path.tag, leaf.text)
        for number, finding in enumerate(found):
            about = f"{finding.clause} {number}"
            _note(query, finding, leaf.mark, leaf.where, about, problems)


def lint_charsets(query: Query, peers: Iterable[Peer], problems: Problems) -> None:
    """Checks the character sets in which a query's keys may be sent."""
    for peer in peers:
        where = f"peers.{peer.name}.charset.request"
        for value in peer.charset.request:
            for finding in check_character_set(value):
                _note(query, finding, peer.mark, where, finding.message, problems)


def lint_file(
    query: Query, identifier: Identifier, file: str, problems: Problems
) -> None:
    """Checks the values of a base Identifier."""
    where = f"queries.{query.name}.files"
    for element in identifier:
        if isinstance(element.value, tuple):
            for item in element.value:
                lint_file(query, item, file, problems)
        elif isinstance(element.value, str) and element.value:
            for finding in check_matching_value(element.vr, element.tag, element.value):
                _note(query, finding, Mark(file), where, finding.message, problems)


def lint_places(
    query: Query,
    model: InformationModel,
    identifier: Identifier,
    file: str,
    problems: Problems,
) -> None:
    """Checks that a base Identifier has its keys where peers look for them."""
    for path in _to_depth_two(identifier):
        right = model.place_of(path)
        if right is not None:
            message = misplaced(path, right)
            finding = Finding(FindingLevel.FORBIDDEN, PLACES, message)
            where = f"queries.{query.name}.files"
            _note(query, finding, Mark(file), where, path.dotted, problems)


def _to_depth_two(identifier: Identifier) -> Iterator[KeyPath]:
    """The key paths of a root's elements and of their items'."""
    for element in identifier:
        outer = Step(element.tag, element.vr)
        yield KeyPath((outer,))
        items = element.value if isinstance(element.value, tuple) else ()
        for item in items:
            yield from (KeyPath((outer, Step(one.tag, one.vr))) for one in item)


def lint_identifier(
    query: Query,
    model: InformationModel,
    level: str | None,
    identifier: Identifier,
    problems: Problems,
) -> None:
    """Checks one request's keys as a whole: hierarchy, sequences, openness."""
    where = f"queries.{query.name}"
    findings = list(_sequences(identifier))
    if level is not None:
        findings += _hierarchy(model, level, identifier)
    if model.needs_matching_key and asks_for_everything(identifier):
        message = f"a {model.title} query without a matching key is answered by nothing"
        findings.append(Finding(FindingLevel.FORBIDDEN, "PS3.4 CC.2.8.1.2", message))
    for finding in findings:
        _note(query, finding, query.mark, where, finding.message, problems)


def _hierarchy(
    model: InformationModel, level: str, identifier: Identifier
) -> Iterable[Finding]:
    """Findings about the unique keys of the levels above, and of the level itself."""
    clause = "PS3.4 C.4.1.2.1"
    texts = {element.tag: element.value for element in identifier}
    for upper in model.upper_levels(level):
        value = texts.get(parse_path(upper.unique).tag)
        if not isinstance(value, str) or not value or set(value) & set("*?\\"):
            message = (
                f"level {level} needs one single {upper.unique}, the unique key of"
                f" level {upper.name}"
            )
            yield Finding(FindingLevel.FORBIDDEN, clause, message)
    unique = model.unique_key(level)
    if parse_path(unique).tag not in texts:
        message = f"level {level} asks for {unique}; add it as an empty key"
        yield Finding(FindingLevel.VARIES, clause, message)


def _sequences(identifier: Identifier) -> Iterable[Finding]:
    for element in identifier:
        if isinstance(element.value, tuple):
            if len(element.value) > 1:
                message = f"the key sequence {label(element.tag)} has several items"
                yield Finding(FindingLevel.FORBIDDEN, "PS3.4 C.2.2.2.6", message)
            for item in element.value:
                yield from _sequences(item)


def _note(
    query: Query,
    finding: Finding,
    mark: Mark,
    where: str,
    about: str,
    problems: Problems,
) -> None:
    text = f"{finding.message} ({finding.clause})"
    if finding.level is FindingLevel.FORBIDDEN and query.lint is Lint.STRICT:
        text += "; lint: lenient sends it as written"
        problems.error(mark, where, text, about=about)
    else:
        problems.warn(mark, where, text, about=about)
