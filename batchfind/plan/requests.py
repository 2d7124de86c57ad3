"""Makes the requests of one case: keys rendered, merged, checked and digested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from batchfind.errors import Problem
from batchfind.job.model import Peer
from batchfind.job.transport_model import Asked as Negotiated
from batchfind.plan.adaptive import extent_of, warn_of_fixed_time
from batchfind.plan.ae_titles import AeTitles
from batchfind.plan.cases import Case, Multiplied, cases
from batchfind.plan.digests import KeyFrame
from batchfind.plan.encoding import Encoded, Encoding
from batchfind.plan.identifiers import Identifiers
from batchfind.plan.intervals import UNPROVEN_TIMES
from batchfind.plan.leaves import Leaves
from batchfind.plan.model import Extent, Request, SourceRow
from batchfind.plan.negotiated import negotiation_of, options_of
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.scopes import Surroundings


@dataclass(frozen=True, slots=True)
class Asked:
    """A query with the requests of each of its cases, in plan order.

    Attributes:
        skipped: problems of rows that were skipped as the job asks.
    """

    prepared: Prepared
    cases: tuple[tuple[Case, tuple[Request, ...]], ...]
    skipped: tuple[Problem, ...]

    @property
    def requests(self) -> tuple[Request, ...]:
        """All requests of the query, in plan order."""
        return tuple(request for _, requests in self.cases for request in requests)


def ask(multiplied: Multiplied, most: int, problems: Problems) -> Asked:
    """The requests of a query.

    Args:
        multiplied: its files, matrix, rows and window.
        most: so many requests at most; a window that differs from case to case can
            give more than `size_of` foresaw.
        problems: notes all that is wrong with any of them.
    """
    prepared = multiplied.prepared
    maker = _Maker(prepared, multiplied.surroundings, problems)
    made: list[tuple[Case, tuple[Request, ...]]] = []
    number = first = 0
    for case in cases(multiplied, problems):
        first = number if case.is_first else first
        requests = maker.make(case, number, first)
        number += len(requests)
        made.append((case, tuple(requests)))
        if number > most:
            message = f"it gives more than the {most} requests run.max_requests allows"
            where = f"queries.{prepared.query.name}"
            problems.error(prepared.query.mark, where, message)
            break
    return Asked(prepared, tuple(made), maker.skipped)


class _Maker:
    """Makes the requests of one query."""

    def __init__(
        self, prepared: Prepared, surroundings: Surroundings, problems: Problems
    ) -> None:
        known, templates = surroundings.job.dictionary, surroundings.templates
        self._prepared = prepared
        self._problems = problems
        self._leaves = Leaves(prepared, templates, problems)
        self._titles = AeTitles(prepared.query, templates, problems)
        self._identifiers = Identifiers(prepared, known, self._leaves.varying, problems)
        self._encoding = Encoding(prepared.query, known, problems)
        self._options: dict[str, frozenset[str]] = {}
        self._commons: dict[tuple[object, ...], _Common] = {}

    @property
    def skipped(self) -> tuple[Problem, ...]:
        """Problems of rows that were skipped as the job asks."""
        return tuple(self._leaves.skipped)

    def make(self, case: Case, number: int, first: int) -> list[Request]:
        """The requests of a case, one a repetition; none when there is a problem.

        Their ids count on from `number` within the query, those of the first case of
        its family from `first`.
        """
        options = self._options_of(case.peer)
        leaves = self._leaves.of(case, options)
        titles = self._titles.of(case.peer, case.scope)
        if leaves is None:
            return []
        identifier = self._identifiers.of(case, leaves, options)
        if identifier is None or titles is None:
            return []
        built = self._encoding.encoded(case.peer, identifier, leaves)
        if built is None:
            return []
        made = self._requests(
            case, self._common(case.peer, titles, built), built, number
        )
        if not case.alternative:
            return made
        index = self._prepared.index
        return [
            replace(request, family=f"{index}.{first + request.repetition}")
            for request in made
        ]

    def _options_of(self, peer: Peer) -> frozenset[str]:
        if peer.name not in self._options:
            self._options[peer.name] = options_of(peer, self._prepared.model)
        return self._options[peer.name]

    def _requests(
        self, case: Case, common: _Common, built: Encoded, number: int
    ) -> list[Request]:
        own: dict[str, Any] = {
            "identifier": built.identifier,
            "charset": built.charset,
            "bindings": _bindings(case),
            "source_rows": _source_rows(case, cells=self._prepared.keeps_rows),
            "batch": case.group.batch if case.group else (),
            "assumption": UNPROVEN_TIMES if case.piece and case.piece.tm else None,
            "extent": self._extent(case, built),
        }
        index, every = self._prepared.index, self._prepared.query.repeat.every
        return [
            Request(
                **{
                    **common.fields,
                    **own,
                    "id": f"{index}.{number + repetition}",
                    "repetition": repetition,
                    "not_before": repetition * every,
                    "key": frame.key(built.canonical),
                }
            )
            for repetition, frame in enumerate(common.frames)
        ]

    def _extent(self, case: Case, built: Encoded) -> Extent | None:
        splitting = self._prepared.family.splitting
        if splitting is None or case.piece is None:
            return None
        query = self._prepared.query
        warn_of_fixed_time(query, splitting, built.identifier, self._problems)
        return extent_of(case.piece, splitting, built.identifier)

    def _common(self, peer: Peer, titles: tuple[str, str], built: Encoded) -> _Common:
        """What nearly all requests of a peer have in common."""
        prepared = self._prepared
        asked = self._identifiers.as_asked(built.identifier)
        negotiation = negotiation_of(peer, prepared.model, prepared.level, asked)
        key = peer.name, titles, *negotiation.items()
        if key not in self._commons:
            self._commons[key] = _common(prepared, peer, titles, negotiation)
        return self._commons[key]


@dataclass(frozen=True, slots=True)
class _Common:
    """What requests have in common that differ in their keys.

    Attributes:
        fields: of `Request`, by name.
        frames: give the request key, one a repetition.
    """

    fields: Mapping[str, Any]
    frames: tuple[KeyFrame, ...]


def _common(
    prepared: Prepared,
    peer: Peer,
    titles: tuple[str, str],
    negotiation: Mapping[str, Negotiated],
) -> _Common:
    repeat = prepared.query.repeat
    pattern = Request(
        id="",
        query=prepared.query.name,
        peer=peer.name,
        sop_class=prepared.model.uid,
        level=prepared.level,
        calling_ae=titles[0],
        called_ae=titles[1],
        transfer_syntaxes=peer.transfer_syntaxes,
        priority=peer.priority,
        identifier=(),
        charset=(),
        cancel=prepared.query.cancel,
        fresh_association=repeat.times > 1 and repeat.association == "new",
        negotiation=negotiation,
        new_vr_as_ob=peer.new_vr_as_ob,
        key="",
    )
    frames = (
        KeyFrame(replace(pattern, repetition=number), peer)
        for number in range(repeat.times)
    )
    shared = {field.name: getattr(pattern, field.name) for field in fields(pattern)}
    return _Common(shared, tuple(frames))


def _bindings(case: Case) -> dict[str, str]:
    bindings = dict(case.combination)
    if case.group is not None and not case.group.batch:
        bindings |= case.group.cells
    bindings |= {leaf.path.leaf.name: leaf.text for leaf in case.alternative}
    if case.piece is not None:
        bindings["window"] = case.piece.label
    return bindings


def _source_rows(case: Case, *, cells: bool) -> tuple[SourceRow, ...]:
    rows = case.group.rows if case.group else ()
    if not cells:
        return tuple(row.source for row in rows)
    return tuple(replace(row.source, cells=row.cells) for row in rows)
