"""The Identifier of each request of a query, put together and checked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from batchfind.dicom.assemble import assemble
from batchfind.dicom.dictionary import Dictionary
from batchfind.dicom.identifier import Identifier
from batchfind.dicom.mold import Mold, can_be_open
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.errors import Mark
from batchfind.plan.cases import Case
from batchfind.plan.keys import Leaf
from batchfind.plan.lint import asks_for_everything, lint_identifier
from batchfind.plan.prepare import Prepared
from batchfind.plan.problems import Problems
from batchfind.plan.raw import raw_identifier

LEVEL: Final = parse_path("QueryRetrieveLevel")


class Identifiers:
    """Puts file, keys, `any_of`, window and level together: the later one counts.

    Keys that take their value from a row are empty in it.

    Args:
        prepared: the query.
        known: VRs of the keys.
        varying: positions of the keys that may differ from request to request.
        problems: notes what is wrong.
    """

    def __init__(
        self,
        prepared: Prepared,
        known: Dictionary,
        varying: Sequence[int],
        problems: Problems,
    ) -> None:
        self._prepared = prepared
        self._known = known
        self._varying = varying
        self._problems = problems
        self._place: tuple[str, Identifier] | None = None
        self._mold: Mold | None = None

    def of(
        self, case: Case, leaves: list[Leaf], options: Collection[str]
    ) -> Identifier | None:
        """The Identifier of a request, without (0008,0005) if it has none itself.

        Args:
            case: the request.
            leaves: its keys.
            options: of extended negotiation, that its peer is asked for.

        Returns:
            None when it cannot be put together, which is noted.
        """
        prepared, query = self._prepared, self._prepared.query
        make = self._raw if query.raw else self._assembled
        identifier = make(case, leaves)
        if identifier is None:
            return None
        if case.group is not None and not query.allow_universal:
            self._refuse_universal(case.group.mark, identifier)
        if query.for_each is not None and not prepared.family.binds:
            return identifier  # what it lacks is a value of the row: that is said
        lint_identifier(
            query,
            prepared.model,
            prepared.level,
            self.as_asked(identifier),
            self._problems,
            options,
        )
        return identifier

    def as_asked(self, identifier: Identifier) -> Identifier:
        """An Identifier as it is once a row has given its keys their values.

        What these values are is not known yet, only that each is a single one.
        """
        bound = self._prepared.family.bound
        if not bound:
            return identifier
        return assemble([(path, "1") for path in bound], identifier, self._known)

    def _raw(self, case: Case, leaves: list[Leaf]) -> Identifier | None:
        """File, then keys, then window, as they are."""
        mark = self._prepared.query.mark
        window = (Leaf(path, text, mark, "") for path, text in self._window(case))
        return raw_identifier(
            [*leaves, *window], case.base, self._known, self._problems
        )

    def _assembled(self, case: Case, leaves: list[Leaf]) -> Identifier | None:
        keys = [(leaf.path, leaf.text) for leaf in leaves]
        family = self._prepared.family
        keys += self._window(case)
        keys += [(path, "") for path in family.bound]
        written = [path for path, _ in keys]
        keys += [(path, "") for path in family.added_to(case.base, written)]
        if self._prepared.level is not None:
            keys.append((LEVEL, self._prepared.level))
        try:
            mold = self._mold_of(case, len(self._prepared.keys), keys)
            if mold is not None:
                return mold.fill([text for _, text in keys])
            return assemble(keys, case.base, self._known)
        except ValueError as error:
            query = self._prepared.query
            self._problems.error(query.mark, f"queries.{query.name}.keys", str(error))
            return None

    def _window(self, case: Case) -> list[tuple[KeyPath, str]]:
        if case.piece is None:
            return []
        return self._prepared.window.values(case.piece)

    def _mold_of(
        self, case: Case, written: int, keys: list[tuple[KeyPath, str]]
    ) -> Mold | None:
        """The mold of all requests with this peer and file, which come in a row.

        Args:
            case: the request.
            written: how many of them the query has under `keys` and `return`; those
                that follow may differ from request to request.
            keys: all of them, with their texts in this request.

        Returns:
            None when a key that varies decides about other elements, too.
        """
        place = case.peer.name, case.base
        if (
            self._place is None
            or self._place[0] != place[0]
            or (self._place[1] is not place[1])
        ):
            fixed = self._prepared.level is not None
            varying = {*self._varying, *range(written, len(keys) - fixed)}
            self._place, self._mold = place, None
            if all(can_be_open(keys[number][0]) for number in varying):
                mixed = [
                    (path, None if number in varying else text)
                    for number, (path, text) in enumerate(keys)
                ]
                self._mold = Mold(mixed, case.base, self._known)
        return self._mold

    def _refuse_universal(self, mark: Mark, identifier: Identifier) -> None:
        if asks_for_everything(identifier):
            message = (
                "this row makes a request without any matching key, which asks for"
                " everything; give it one, or set allow_universal: true"
            )
            where = f"queries.{self._prepared.query.name}.rows"
            self._problems.error(mark, where, message)
