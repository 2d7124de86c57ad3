"""Which responses of a query enter its tables, found out before any is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchfind.execution.answers import Answers
from batchfind.execution.findings import Findings
from batchfind.execution.matching import Questions, Unmatched, unmatched
from batchfind.execution.merging import Kept, Read, Tally, merge
from batchfind.execution.notes import Notes
from batchfind.plan.model import Origin, PlannedQuery, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The responses of a query that enter its tables.

    Attributes:
        requests: all of the query in plan order, pieces among them.
        kept: which of their responses enter tables.
        questions: what the responses are held against.
        unmatched: responses left out since they do not match.
        tallies: what comparing rows found out, by request id.
    """

    query: PlannedQuery
    requests: tuple[Request, ...]
    kept: Kept
    questions: Questions
    unmatched: Unmatched
    tallies: Mapping[str, Tally]

    @property
    def roots(self) -> tuple[Request, ...]:
        """The requests that were not cut from another."""
        return tuple(one for one in self.requests if one.origin is not Origin.SPLIT)

    def findings(self, notes: Notes) -> dict[str, Findings]:
        """All that was found out, by request id.

        Args:
            notes: of every response of the query.
        """
        return notes.findings(self.tallies, self.unmatched.count)


def select(query: PlannedQuery, answers: Answers, read: Read) -> Selection:
    """Chooses the responses of a query; reads none where no choice is to be made.

    Args:
        query: as planned.
        answers: of the run.
        read: gives the responses that count of some requests, in their order.

    Raises:
        StorageError: the capture is damaged, or there is no room to compare rows.
    """
    requests = answers.forest.of_query(query.name)
    known = answers.plan.dictionary
    questions = Questions(
        query, requests, answers.counting, answers.forest.root_of, known
    )
    # What does not match must not stand for a row that does.
    left_out = unmatched(query, read(requests), questions)
    matching = Kept(left_out.masks)
    merged = merge(query, answers.forest, lambda some: matching.responses(read(some)))
    return Selection(
        query=query,
        requests=requests,
        kept=merged.kept.without(left_out.masks),
        questions=questions,
        unmatched=left_out,
        tallies=merged.tallies,
    )
