"""A query's answers as one Arrow table in memory."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from batchfind.plan.model import PlannedQuery
from batchfind.tables.render import Keep, render
from batchfind.tables.schema import table_schema
from batchfind.tables.slabs import Slab


def collect(
    query: PlannedQuery,
    slabs: Iterable[Slab],
    *,
    typed: bool = True,
    provenance: bool = True,
    keep: Keep = lambda _: None,
) -> pa.Table:
    """All rows of a query's table.

    Args:
        query: as planned.
        slabs: its responses in plan order.
        typed: values have types by VR; else all is text.
        provenance: add the columns beginning with `bf_`.
        keep: responses that it leaves out give no rows.

    Returns:
        A pyarrow Table; with the full schema also when there are no responses.
    """
    schema = table_schema(query, typed=typed, provenance=provenance)
    rendered = render(query, slabs, [schema], keep=keep)
    batches = [piece.batches[0] for piece in rendered]
    return pa.Table.from_batches(batches, schema.arrow)
