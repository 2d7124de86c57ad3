"""A run that goes on under another reading of its job: what may differ, what not.

What peers are asked must be the same. Where and how they are reached may change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from batchfind.errors import StateError
from batchfind.plan.differences import differences
from batchfind.plan.model import Plan, PlannedPeer, Policy

_SHOWN: Final = frozenset({"host", "port", "demo", "ip_version", "bind"})
"""Fields whose values stand in a capture's events; of others only that they changed."""


def refuse_other(stored: Plan, given: Plan, run_dir: Path, advice: str) -> None:
    """Makes sure that a plan asks what a run asked.

    Args:
        stored: of the run.
        given: of the job as it is now, at the clock of the run.
        run_dir: of the run.
        advice: what to do otherwise.

    Raises:
        StateError: it asks something else; the message shows what, without values.
    """
    found = differences(stored, given)
    if found:
        raise StateError(
            f"{given.job_path}: it does not ask what run {run_dir.name} asked: "
            f"{found}. `batchfind plan JOB` shows the values; {advice}"
        )


def with_transport(stored: Plan, given: Plan) -> Plan:
    """A stored plan whose peers are reached as another plan has it.

    What weighs answers stays: `response_cap` and `charset`, and so do outputs.

    Args:
        stored: of a run.
        given: of the edited job; it asks the same.
    """
    peers = {
        name: _reached(peer, given.peers.get(name, peer))
        for name, peer in stored.peers.items()
    }
    policy = replace(given.policy, directory=stored.policy.directory)
    return replace(stored, peers=peers, policy=policy)


def _reached(stored: PlannedPeer, given: PlannedPeer) -> PlannedPeer:
    limits = replace(given.limits, response_cap=stored.limits.response_cap)
    return replace(
        given, limits=limits, charset=stored.charset, timezone=stored.timezone
    )


def transport_changes(stored: Plan, used: Plan) -> dict[str, Any]:
    """How peers are reached otherwise than a stored plan says.

    Args:
        stored: of a run.
        used: what asks now.

    Returns:
        JSON values for an event of the capture, without secrets: of `peers` and
        `run` the fields that changed, each with its old and new value, or null
        where only the change is told. Empty when nothing changed.
    """
    peers = {
        name: changed
        for name, peer in used.peers.items()
        if name in stored.peers and (changed := _changed(stored.peers[name], peer))
    }
    run = _changed(
        replace(stored.policy, directory=""), replace(used.policy, directory="")
    )
    found = {"peers": peers, "run": run}
    return {name: changed for name, changed in found.items() if changed}


def _changed(old: PlannedPeer | Policy, new: PlannedPeer | Policy) -> Mapping[str, Any]:
    pairs = {
        one.name: [getattr(old, one.name), getattr(new, one.name)]
        for one in fields(old)
    }
    return {
        name: pair if name in _SHOWN else None
        for name, pair in pairs.items()
        if pair[0] != pair[1]
    }
