"""What the names of a template mean: dates, variables, the peer and the query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from batchfind.job.model import Job, Peer, Scalar
from batchfind.plan.dates import Day, Moment, Style
from batchfind.plan.templates import NotRendered, Scope, Templates

DATE_NAMES: Final = frozenset({"today", "yesterday", "tomorrow", "now"})
_NO_ZONE: Final = (
    "a date needs a time zone; set timezone of the job, such as Europe/Berlin"
)
_NO_VARS: Final = (
    "a variable cannot use variables, since nothing is rendered twice;"
    " write the value out"
)
_NO_WINDOW: Final = "this query has no window; add one, or remove the name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is equal for the whole plan.

    Attributes:
        clock: the only reading of the clock, with its time zone.
        variables: values given from outside; they replace those of the job and
            are text, never templates.
    """

    job: Job
    templates: Templates
    clock: datetime
    variables: Mapping[str, str]

    def key_scope(self, query: str, peer: Peer) -> Scope:
        """What names mean in the keys, AE titles and windows of a peer's requests."""
        return self._scope(query, peer, peer.timezone or self.job.timezone, Style.KEY)

    def path_scope(self, query: str, peer: Peer) -> Scope:
        """What names mean in an output path, whose day is the job's day.

        A file gathers the answers of peers in several time zones, so the job's zone
        goes first here.
        """
        return self._scope(query, peer, self.job.timezone or peer.timezone, Style.PATH)

    def query_scope(self, query: str) -> Scope:
        """What names mean before it is known which peers a query asks."""
        return self._scope(query, None, self.job.timezone, Style.KEY)

    def _scope(
        self, query: str, peer: Peer | None, zone: str | None, style: Style
    ) -> Scope:
        values: dict[str, object] = {"query": query}
        if peer is not None:
            values["peer"] = peer.name
        absent = {"vars": _NO_VARS, "window": _NO_WINDOW}
        if zone is None:
            absent |= dict.fromkeys(DATE_NAMES, _NO_ZONE)
        else:
            values |= dates(self.clock.astimezone(ZoneInfo(zone)), style)
        scope = Scope(values, absent)
        return scope.with_values({"vars": self._variables(peer, scope)})

    def _variables(self, peer: Peer | None, scope: Scope) -> Variables:
        scalars: dict[str, tuple[str, Scalar]] = {
            name: ("vars", scalar) for name, scalar in self.job.vars.items()
        }
        if peer is not None:
            own = f"peers.{peer.name}.vars"
            scalars |= {name: (own, scalar) for name, scalar in peer.vars.items()}
        return Variables(self.templates, scope, scalars, self.variables)


@dataclass(slots=True)
class Variables(Mapping[str, str]):
    """Variables in a scope; one is rendered when it is first read, and only then.

    Attributes:
        written: name to place and template in the job.
        given: values from outside, which go first.
    """

    templates: Templates
    scope: Scope
    written: Mapping[str, tuple[str, Scalar]]
    given: Mapping[str, str]
    _rendered: dict[str, str | None] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        if name in self.given:
            return self.given[name]
        if name not in self._rendered:
            owner, scalar = self.written[name]
            text = self.templates.render(scalar, f"{owner}.{name}", self.scope)
            self._rendered[name] = text
        rendered = self._rendered[name]
        if rendered is None:
            raise NotRendered(name)
        return rendered

    def __iter__(self) -> Iterator[str]:
        return iter({**self.written, **self.given})

    def __len__(self) -> int:
        return len({**self.written, **self.given})


def dates(now: datetime, style: Style) -> dict[str, Day | Moment]:
    """The date names at a moment.

    Args:
        now: in the time zone whose calendar counts.
        style: how the dates write themselves.
    """
    today = now.date()
    one = timedelta(days=1)
    return {
        "now": Moment(now, style),
        "today": Day(today, style),
        "yesterday": Day(today - one, style),
        "tomorrow": Day(today + one, style),
    }
