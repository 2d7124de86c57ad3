"""What the answers of a query lack to be complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from batchfind.capture.records import RequestVerdict, Verdict
from batchfind.execution.forest import Forest
from batchfind.execution.history import Growth
from batchfind.execution.wording import plural

_ENOUGH = (Verdict.COMPLETE, Verdict.LIMITED)


def shortage_of(
    query: str,
    forest: Forest,
    verdicts: Mapping[str, RequestVerdict],
    growth: Growth,
) -> str:
    """Why not all rows of a query are known to be there; empty when they are.

    A request that was limited as asked lacks nothing. Rows of queries that it is asked
    for each row of count like its own.

    Args:
        query: its name.
        forest: all requests of the run.
        verdicts: of all of them.
        growth: what became of the requests that answers gave rise to.
    """
    ancestors = forest.ancestors(query)
    for name in (query, *ancestors):
        roots = [root for root in forest.roots if root.query == name]
        short = Counter(
            verdicts[root.id].verdict.value
            for root in roots
            if verdicts[root.id].verdict not in _ENOUGH
        )
        if short:
            counts = ", ".join(f"{count} {verdict}" for verdict, count in short.items())
            total = plural(len(roots), "request")
            return f"{counts} of {total}" + ("" if name == query else f" of {name}")
        above = forest.ancestors(name)
        if above and name not in growth.grown:
            return f"the run ended before it was asked for each row of {above[0]}"
    roots = [root for root in forest.roots if root.query in ancestors]
    if lacking := growth.lacking((query, *ancestors), roots):
        return f"{plural(lacking, 'row')} that nothing could be asked for"
    return ""
