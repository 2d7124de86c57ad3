"""What the standard forbids and what peers treat differently, in rendered keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from batchfind.dicom.code_extensions import check_character_set
from batchfind.dicom.dictionary import is_private_creator, label, tag_of
from batchfind.dicom.identifier import Element, Identifier
from batchfind.dicom.lint import Finding, FindingLevel, check_matching_value
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, Step
from batchfind.errors import Mark
from batchfind.job.lints import PLACES, misplaced
from batchfind.job.model import Lint, Peer, Query
from batchfind.plan.keys import Leaf, is_universal
from batchfind.plan.negotiated import STEERING, lacks_upper_key
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


def lint_leaves(
    query: Query,
    leaves: Iterable[Leaf],
    problems: Problems,
    options: Collection[str] = (),
) -> None:
    """Checks each rendered value against the matching rules of its VR.

    Args:
        query: whose keys they are.
        leaves: of one request.
        problems: notes what is to be said.
        options: of extended negotiation, that the peer is asked for.
    """
    for leaf in leaves:
        if not leaf.text or leaf.path.vr == "SQ":
            continue
        found = check_matching_value(leaf.path.vr, leaf.path.tag, leaf.text)
        for number, finding in enumerate(dict.fromkeys(found)):
            if finding.option in options:
                continue
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
    query: Query,
    identifier: Identifier,
    file: str,
    problems: Problems,
    options: Collection[str] = (),
) -> None:
    """Checks the values of a base Identifier; `options` as for `lint_leaves`."""
    where = f"queries.{query.name}.files"
    for element in identifier:
        if isinstance(element.value, tuple):
            for item in element.value:
                lint_file(query, item, file, problems, options)
        elif isinstance(element.value, str) and element.value:
            found = check_matching_value(element.vr, element.tag, element.value)
            for finding in _unmet(found, options):
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
    options: Collection[str] = (),
) -> None:
    """Checks one request's keys as a whole: hierarchy, sequences, openness.

    `options` as for `lint_leaves`.
    """
    where = f"queries.{query.name}"
    findings = [*_sequences(identifier), *_steering(identifier)]
    if level is not None:
        findings += _hierarchy(model, level, identifier)
    if model.needs_matching_key and asks_for_everything(identifier):
        message = f"a {model.title} query without a matching key is answered by nothing"
        findings.append(Finding(FindingLevel.FORBIDDEN, "PS3.4 CC.2.8.1.2", message))
    for finding in _unmet(findings, options):
        _note(query, finding, query.mark, where, finding.message, problems)


def _unmet(findings: Iterable[Finding], options: Collection[str]) -> Iterator[Finding]:
    """Findings that no option asked of the peer answers."""
    return (finding for finding in findings if finding.option not in options)


def _steering(identifier: Identifier) -> Iterator[Finding]:
    """Findings about attributes that only an option allows."""
    for element in identifier:
        option = STEERING.get(element.tag)
        if option is not None and element.value:
            message = (
                f"{label(element.tag)} is only for peers that agree to {option}; ask"
                f" them by negotiation: {{{option}: require}}"
            )
            clause = "PS3.4 C.4.1.1.3"
            yield Finding(FindingLevel.FORBIDDEN, clause, message, option)


def _hierarchy(
    model: InformationModel, level: str, identifier: Identifier
) -> Iterable[Finding]:
    """Findings about the unique keys of the levels above, and of the level itself."""
    clause = "PS3.4 C.4.1.2.1"
    for upper, key in lacks_upper_key(model, level, identifier):
        message = f"level {level} needs one single {key}, the unique key of"
        message += f" level {upper}"
        yield Finding(FindingLevel.FORBIDDEN, clause, message, "relational")
    unique = model.unique_key(level)
    wanted = tag_of(unique)
    if all(element.tag != wanted for element in identifier):
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
