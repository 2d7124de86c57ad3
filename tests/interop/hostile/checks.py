"""What holds of every behaviour, whatever it is."""

from __future__ import annotations

from batchfind import ExitCode, Verdict
from tests.interop.hostile.behaviour import MATCHES, Behaviour
from tests.interop.hostile.neighbourhood import GOOD_PEERS, UID, Ran, exit_code_alone

ENOUGH = 60.0
"""Seconds no request takes; all deadlines here are of tenths of seconds."""


def check(one: Behaviour, ran: Ran) -> None:
    """The stated outcome: verdict, cause, what is kept, and who is named."""
    report, stated = ran.report(one.name), one.stated
    code = None if report.cause is None else report.cause.code
    told = report.cause or report.warnings
    assert (report.verdict, code) == (stated.verdict, stated.cause), told
    if stated.responses is not None:
        assert report.responses == stated.responses, told
    assert report.defects == stated.defects
    assert exit_code_alone(report) is stated.exit_code
    assert report.seconds < ENOUGH
    if stated.warning:
        assert any(stated.warning in one for one in report.warnings), report.warnings
    if report.cause is not None:
        assert stated.words in report.cause.message
        assert report.cause.message.isprintable()
        assert len(report.cause.message) < 1000
    if report.cause is not None and stated.verdict is not Verdict.SUSPECT:
        assert f"{one.name} (" in report.cause.message
        assert f":{ran.addresses[one.name]})" in report.cause.message
        assert report.cause.phase == stated.phase


def check_neighbours(ran: Ran) -> None:
    """Good peers of the same run: as if they had been alone."""
    rows = ran.rows()
    for one in GOOD_PEERS:
        check(one, ran)
        assert sorted(rows[one.name]) == [UID.format(n) for n in range(MATCHES)]


def check_nothing_left(ran: Ran, exit_code: ExitCode = ExitCode.INCOMPLETE) -> None:
    """No task, thread, socket or file is left, and none of it is our fault."""
    assert ran.tasks == []
    assert ran.descriptors == []
    assert ran.threads == []
    assert ran.logged == []
    assert ran.result.exit_code is exit_code
    assert ran.result.error == ""
    causes = {one.cause.code for one in ran.result.requests if one.cause}
    assert "internal" not in causes
