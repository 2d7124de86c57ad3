"""Outputs on their way from the capture to their paths."""

from __future__ import annotations

from dataclasses import dataclass

from batchfind.errors import StorageError
from batchfind.outputs.formats import has_table, schema_of
from batchfind.outputs.staging import Staged, stage
from batchfind.outputs.writing import Piece
from batchfind.plan.model import PlannedOutput, PlannedQuery
from batchfind.tables.schema import TableSchema


@dataclass(frozen=True, slots=True)
class Prepared:
    """An output that waits to be published, or could not be written.

    Attributes:
        staged: closed; None when it could not be written.
        error: why not.
        spoilt: what could not be written; perhaps a folder was made for it.
    """

    planned: PlannedOutput
    staged: Staged | None
    error: str = ""
    spoilt: Staged | None = None

    def discard(self) -> None:
        """Leave nothing of it that is not published; may be repeated."""
        for each in (self.staged, self.spoilt):
            if each is not None:
                each.discard()


class Target:
    """An output being written; one that cannot be does not stop the others.

    Attributes:
        planned: the output.
        schema: of its table; None where it is made of the responses themselves.
    """

    def __init__(
        self, planned: PlannedOutput, query: PlannedQuery, run_id: str
    ) -> None:
        """Begins it.

        Args:
            planned: the output.
            query: the query it holds.
            run_id: of the run.
        """
        self.planned = planned
        self.schema: TableSchema | None = None
        self._staged: Staged | None = None
        self._spoilt: Staged | None = None
        self._error = ""
        if has_table(planned):
            self.schema = schema_of(planned, query)
        try:
            self._staged = stage(planned, query, self.schema, run_id)
        except StorageError as error:
            self._error = str(error)

    @property
    def shows_verdicts(self) -> bool:
        """Whether rows carry the verdict of their request."""
        return self.schema is not None and self.schema.shows("bf_verdict")

    def write(self, piece: Piece, invalid: int = 0) -> None:
        """Append a piece; `invalid` values of it did not fit their column."""
        if self._staged is not None:
            try:
                self._staged.write(piece, invalid)
            except StorageError as error:
                self._fail(error)

    def close(self) -> None:
        """Have all of it on the disk."""
        if self._staged is not None:
            try:
                self._staged.close()
            except StorageError as error:
                self._fail(error)

    def discard(self) -> None:
        """Leave nothing of it."""
        self.prepared().discard()

    def prepared(self) -> Prepared:
        """The output as it waits to be published."""
        return Prepared(self.planned, self._staged, self._error, self._spoilt)

    def _fail(self, error: StorageError) -> None:
        self.discard()
        self._spoilt, self._staged, self._error = self._staged, None, str(error)
