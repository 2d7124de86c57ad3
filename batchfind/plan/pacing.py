"""What peers bear in time: how long their requests take at least, and when they go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from batchfind.job.model import Job
from batchfind.job.units import Rate
from batchfind.plan.model import Plan, PlannedPeer, Request
from batchfind.plan.problems import Problems

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_EXACT: Final = 10
"""From so many of a unit on, a smaller one is not told."""


def bounds(plan: Plan) -> Iterator[str]:
    """What rates and hours of peers mean for a plan, one phrase each peer."""
    counts = Counter(request.peer for request in plan.requests)
    for group in _groups(plan.peers).values():
        rate = _slowest(group)
        requests = sum(counts[peer.name] for peer in group)
        for peer in group:
            said = []
            if rate is not None:
                said.append(_at(rate, _least(requests, rate)))
            if peer.limits.hours:
                hours = ", ".join(map(str, peer.limits.hours))
                said.append(f"{hours} {peer.timezone or plan.timezone}")
            if said:
                yield f"{peer.name} {'; '.join(said)}"


def warn_of_slow_rates(
    job: Job,
    peers: Mapping[str, PlannedPeer],
    requests: Iterable[Request],
    problems: Problems,
) -> None:
    """Notes rates at which a plan cannot be asked within `run.deadline`."""
    deadline = job.run.deadline
    if deadline is None or problems.errors:
        return
    counts = Counter(request.peer for request in requests)
    for group in _groups(peers).values():
        rate, count = _slowest(group), sum(counts[peer.name] for peer in group)
        if rate is None or _least(count, rate) < deadline:
            continue
        name = next(peer.name for peer in group if peer.limits.rate == rate)
        message = (
            f"{count:,} requests at {rate} take at least {_span(_least(count, rate))}, "
            f"and run.deadline ends the run after {_span(deadline)}; raise one of "
            "them, or ask less"
        )
        where = f"peers.{name}.limits.rate"
        problems.warn(job.peers[name].mark, where, message)


def _groups(peers: Mapping[str, PlannedPeer]) -> dict[object, list[PlannedPeer]]:
    """Peers by what they share: `limits.group`, else where they listen."""
    groups: dict[object, list[PlannedPeer]] = {}
    for peer in peers.values():
        place = peer.demo or ((peer.host or "").lower(), peer.port)
        groups.setdefault(peer.limits.group or place, []).append(peer)
    return groups


def _slowest(group: Iterable[PlannedPeer]) -> Rate | None:
    rates = [peer.limits.rate for peer in group if peer.limits.rate]
    return max(rates, key=lambda rate: rate.interval, default=None)


def _at(rate: Rate, seconds: float) -> str:
    """A rate, and how long that takes where it is worth a word."""
    return f"at {rate}" if seconds < 1 else f"at {rate} at least {_span(seconds)}"


def _least(requests: int, rate: Rate) -> float:
    """Seconds from the first request to the last."""
    return max(0, requests - 1) * rate.interval


def _span(seconds: float) -> str:
    """`33 m` or `2 h 46 m`, rounded down: no less than this."""
    whole = int(seconds)
    for at, (unit, size) in enumerate(_UNITS):
        if whole < size:
            continue
        text, rest = f"{whole // size} {unit}", whole % size
        if whole // size >= _EXACT or size == 1:
            return text
        smaller, length = _UNITS[at + 1]
        return f"{text} {rest // length} {smaller}" if rest >= length else text
    return f"{seconds:g} s"
