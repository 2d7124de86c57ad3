"""What is said about keeping runs: at the end of one, and of a pinned one."""

from __future__ import annotations

from batchfind.capture.pin import LONGEST_REASON, Pin
from batchfind.cli import console
from batchfind.cli.text import clean, count, size
from batchfind.execution.results import RunResult


def tell_kept(result: RunResult, *, quiet: bool) -> None:
    """Notes what went and what stays; `quiet`, only what could not go."""
    kept = result.kept
    if kept is None:
        return
    for sentence in kept.failed:
        console.note(f"warning: {clean(sentence, limit=4096)}")
    if quiet:
        return
    job = clean(result.job)
    stays = f"{count(kept.runs, 'run')} of {job}, {size(kept.bytes)}"
    if kept.deleted:
        went = f"{count(kept.deleted, 'older run')}, {size(kept.freed)}"
        console.note(f"deleted {went}, as run.keep says; kept: {stays}")
    elif not kept.failed:
        console.note(
            f"kept: {stays}; run.keep in the job, or batchfind prune, deletes old ones"
        )


def pin_line(pin: Pin) -> str:
    """That a run is pinned, since when and why."""
    since = f" since {clean(pin.since)}" if pin.since else ""
    reason = f": {clean(pin.reason, limit=LONGEST_REASON)}" if pin.reason else ""
    return f"pinned, so never pruned{since}{reason}"
