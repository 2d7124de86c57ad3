"""Makes the requests of one case: keys rendered, merged, checked and digested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from batchfind.dicom.assemble import assemble
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.errors import Mark, Problem, Severity
from batchfind.job.model import Peer
from batchfind.plan.ae_titles import ae_titles
from batchfind.plan.cases import Case, Multiplied, cases
from batchfind.plan.digests import request_key
from batchfind.plan.encoding import Encoding
from batchfind.plan.intervals import UNPROVEN_TIMES
from batchfind.plan.keys import Leaf, is_universal, render_keys
from batchfind.plan.lint import asks_for_everything, lint_identifier, lint_leaves
from batchfind.plan.model import Request, SourceRow
from batchfind.plan.negotiated import negotiation_of, options_of
from batchfind.plan.nothing import check_for_nothing
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.raw import raw_identifier
from batchfind.plan.scopes import Surroundings
from batchfind.plan.templates import Templates

LEVEL: Final = parse_path("QueryRetrieveLevel")


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
    skipped: dict[Problem, None] = dict.fromkeys(prepared.skipped)
    maker = _Maker(prepared, multiplied.surroundings, problems, skipped)
    made: list[tuple[Case, tuple[Request, ...]]] = []
    number = 0
    for case in cases(multiplied, problems):
        requests = maker.make(case, number)
        number += len(requests)
        made.append((case, tuple(requests)))
        if number > most:
            message = f"it gives more than the {most} requests run.max_requests allows"
            where = f"queries.{prepared.query.name}"
            problems.error(prepared.query.mark, where, message)
            break
    return Asked(prepared, tuple(made), tuple(skipped))


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes the requests of one query; rows that cannot be sent go to `skipped`."""

    prepared: Prepared
    surroundings: Surroundings
    problems: Problems
    skipped: dict[Problem, None]

    @property
    def templates(self) -> Templates:
        """Renders keys and AE titles."""
        return self.surroundings.templates

    @property
    def known(self) -> Dictionary:
        """VRs of the keys."""
        return self.surroundings.job.dictionary

    @property
    def _encoding(self) -> Encoding:
        return Encoding(self.prepared.query, self.known, self.problems)

    def make(self, case: Case, number: int) -> list[Request]:
        """The requests of a case, one a repetition; none when there is a problem.

        Their ids count on from `number` within the query.
        """
        leaves = self._leaves(case)
        titles = ae_titles(
            self.prepared.query, case.peer, self.templates, case.scope, self.problems
        )
        identifier = self._identifier(case, leaves) if leaves is not None else None
        if leaves is None or identifier is None or titles is None:
            return []
        built = self._encoding.encoded(case.peer, identifier, leaves)
        if built is None:
            return []
        request = self._request(case, built.identifier, built.charset, titles)
        repeated = _repeated(case.peer, self.prepared, request, built.canonical, number)
        return list(repeated)

    def _leaves(self, case: Case) -> list[Leaf] | None:
        prepared, group = self.prepared, case.group
        mark = group.mark if group else None
        rendered = render_keys(
            prepared.keys, self.templates, case.scope, prepared.row_names, mark
        )
        leaves = [leaf for leaf in rendered if leaf is not None]
        whole = len(leaves) == len(rendered)
        if whole and group is not None and not self._row_is_safe(group.mark, leaves):
            return None
        self._look_for_nothing(case, rendered)
        if not prepared.query.raw:
            options = options_of(case.peer, prepared.model)
            lint_leaves(prepared.query, leaves, self.problems, options)
        return leaves if whole else None

    def _look_for_nothing(self, case: Case, leaves: list[Leaf | None]) -> None:
        """Checks keys for emptiness that no row is responsible for."""
        query = self.prepared.query
        for key, leaf in zip(self.prepared.keys, leaves, strict=True):
            if leaf is not None and not key.names & self.prepared.row_names:
                check_for_nothing(
                    query, key, leaf, case.scope, self.templates, self.problems
                )

    def _row_is_safe(self, mark: Mark, leaves: list[Leaf]) -> bool:
        """Whether no key that reads a row rendered as 'everything'."""
        policy = self.prepared.query.rows
        literal = policy is not None and policy.literal
        for key, leaf in zip(self.prepared.keys, leaves, strict=True):
            fed = bool(key.names & self.prepared.row_names)
            if not fed or not (is_universal(leaf.text) if literal else not leaf.text):
                continue
            if policy is not None and policy.skip_empty:
                message = f"skipped: {leaf.path} would be empty"
                where = f"queries.{self.prepared.query.name}.rows"
                self.skipped[Problem(mark, where, message, Severity.WARNING)] = None
            else:
                message = (
                    f"this row makes {leaf.path} ask for everything; fill its cells"
                    " in, or set on_empty: skip"
                )
                self.problems.error(mark, leaf.where, message)
            return False
        return True

    def _identifier(self, case: Case, leaves: list[Leaf]) -> Identifier | None:
        """File, then keys, then window, then level: the later one counts."""
        prepared, query = self.prepared, self.prepared.query
        if query.raw:
            identifier = self._raw(case, leaves)
        else:
            identifier = self._assembled(case, leaves)
        if identifier is None:
            return None
        if case.group is not None and not query.allow_universal:
            self._refuse_universal(case.group.mark, identifier)
        options = options_of(case.peer, prepared.model)
        lint_identifier(
            query, prepared.model, prepared.level, identifier, self.problems, options
        )
        return identifier

    def _raw(self, case: Case, leaves: list[Leaf]) -> Identifier | None:
        """File, then keys, then window, as they are."""
        mark = self.prepared.query.mark
        if case.piece is not None:
            values = self.prepared.window.values(case.piece)
            leaves = [*leaves, *(Leaf(path, text, mark, "") for path, text in values)]
        return raw_identifier(leaves, case.base, self.known, self.problems)

    def _assembled(self, case: Case, leaves: list[Leaf]) -> Identifier | None:
        prepared, query = self.prepared, self.prepared.query
        keys: list[tuple[KeyPath, str | bytes]] = [
            (leaf.path, leaf.text) for leaf in leaves
        ]
        if case.piece is not None:
            keys += prepared.window.values(case.piece)
        if prepared.level is not None:
            keys.append((LEVEL, prepared.level))
        try:
            return assemble(keys, case.base, self.known)
        except ValueError as error:
            self.problems.error(query.mark, f"queries.{query.name}.keys", str(error))
            return None

    def _refuse_universal(self, mark: Mark, identifier: Identifier) -> None:
        if asks_for_everything(identifier):
            message = (
                "this row makes a request without any matching key, which asks for"
                " everything; give it one, or set allow_universal: true"
            )
            where = f"queries.{self.prepared.query.name}.rows"
            self.problems.error(mark, where, message)

    def _request(
        self,
        case: Case,
        identifier: Identifier,
        charset: tuple[str, ...],
        titles: tuple[str, str],
    ) -> Request:
        prepared, peer = self.prepared, case.peer
        return Request(
            id="",
            query=prepared.query.name,
            peer=peer.name,
            sop_class=prepared.model.uid,
            level=prepared.level,
            calling_ae=titles[0],
            called_ae=titles[1],
            transfer_syntaxes=peer.transfer_syntaxes,
            priority=peer.priority,
            identifier=identifier,
            charset=charset,
            cancel=prepared.query.cancel,
            bindings=_bindings(case),
            source_rows=_source_rows(case, cells=prepared.keeps_rows),
            batch=case.group.batch if case.group else (),
            assumption=UNPROVEN_TIMES if case.piece and case.piece.tm else None,
            negotiation=negotiation_of(
                peer, prepared.model, prepared.level, identifier
            ),
            new_vr_as_ob=peer.new_vr_as_ob,
            key="",
        )


def _bindings(case: Case) -> dict[str, str]:
    bindings = dict(case.combination)
    if case.group is not None and not case.group.batch:
        bindings |= case.group.cells
    if case.piece is not None:
        bindings["window"] = case.piece.label
    return bindings


def _source_rows(case: Case, *, cells: bool) -> tuple[SourceRow, ...]:
    rows = case.group.rows if case.group else ()
    if not cells:
        return tuple(row.source for row in rows)
    return tuple(replace(row.source, cells=row.cells) for row in rows)


def _repeated(
    peer: Peer, prepared: Prepared, request: Request, canonical: bytes, number: int
) -> Iterator[Request]:
    repeat = prepared.query.repeat
    for repetition in range(repeat.times):
        copy = replace(
            request,
            id=f"{prepared.index}.{number + repetition}",
            repetition=repetition,
            not_before=repetition * repeat.every,
            fresh_association=repeat.times > 1 and repeat.association == "new",
        )
        yield replace(copy, key=request_key(copy, peer, canonical))
