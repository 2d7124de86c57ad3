from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from batchfind.capture.records import Cause, RequestVerdict, Verdict
from batchfind.cli.board import Board
from batchfind.cli.display import Lines, Trace, display
from batchfind.cli.live import picture, screen
from batchfind.execution.progress import (
    Event,
    FinishingStarted,
    PeerTrouble,
    PeerWaits,
    PlaceAwaited,
    RequestEnded,
    RequestRetried,
    RequestsGrown,
    RequestSplit,
    RequestStarted,
    ResponsesArrived,
    RunStarted,
    Stopping,
)
from batchfind.plan.model import Plan

MakeVerdict = Callable[..., RequestVerdict]


def plan_of(*requests: tuple[str, str, str]) -> Plan:
    """As much of a plan as a display looks at: id, query and peer."""
    return cast(
        "Plan",
        SimpleNamespace(
            job="nightly",
            requests=tuple(
                SimpleNamespace(id=name, query=query, peer=peer)
                for name, query, peer in requests
            ),
        ),
    )


def started(count: int = 2, peer: str = "ris") -> RunStarted:
    ids = tuple(str(at) for at in range(count))
    plan = plan_of(*((name, "worklist", peer) for name in ids))
    return RunStarted(plan, "/runs/nightly/one", ids)


def trouble(peer: str = "ris", message: str = "ris: it refused") -> PeerTrouble:
    return PeerTrouble(peer, Cause(code="refused", message=message))


def console(
    width: int = 80, height: int = 24, encoding: str = "utf-8", **options: Any
) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    return Console(
        file=file,
        width=width,
        height=height,
        markup=False,
        highlight=False,
        emoji=False,
        **options,
    )


def drawn(board: Board, on: Console, now: float = 12.0) -> list[str]:
    with on.capture() as captured:
        on.print(picture(board, on, now))
    return captured.get().splitlines()


class TestTheBoard:
    def test_counts_what_is_asked_and_answered(self, verdict: MakeVerdict) -> None:
        board = Board()
        events: list[Event] = [
            started(3),
            RequestStarted("0", "worklist", "ris"),
            ResponsesArrived("0", "worklist", "ris", 40),
            RequestEnded("worklist", "ris", verdict("0", Verdict.COMPLETE, 41)),
            RequestStarted("1", "worklist", "ris"),
            ResponsesArrived("1", "worklist", "ris", 7),
        ]
        for at, event in enumerate(events):
            board.observe(event, float(at))
        group = board.groups["worklist", "ris"]
        assert (group.done, group.total, group.responses) == (1, 3, 48)
        assert group.elapsed(10.0) == 9.0

    def test_counts_only_requests_asked_now(self) -> None:
        board = Board()
        plan = plan_of(("0", "a", "x"), ("1", "a", "y"))
        board.observe(RunStarted(plan, "/r", ("1",)), 0.0)
        assert list(board.groups) == [("a", "y")]

    def test_stops_the_clock_of_a_group_that_is_done(
        self, verdict: MakeVerdict
    ) -> None:
        board = Board()
        board.observe(started(1), 0.0)
        assert board.groups["worklist", "ris"].elapsed(5.0) == 0.0
        board.observe(RequestStarted("0", "worklist", "ris"), 1.0)
        ended = RequestEnded("worklist", "ris", verdict("0", Verdict.FAILED))
        board.observe(ended, 4.0)
        assert board.groups["worklist", "ris"].elapsed(90.0) == 3.0

    def test_times_a_group_from_its_first_request_to_its_last_end(
        self, verdict: MakeVerdict
    ) -> None:
        board = Board()
        board.observe(started(3), 0.0)
        assert board.times() == {}
        for at, (begin, end) in enumerate([(1.0, 4.0), (2.0, 7.5)]):
            board.observe(RequestStarted(str(at), "worklist", "ris"), begin)
            ended = verdict(str(at), Verdict.COMPLETE)
            board.observe(RequestEnded("worklist", "ris", ended), end)
        assert board.times() == {("worklist", "ris"): 6.5}

    def test_keeps_the_latest_three_troubles(self) -> None:
        board = Board()
        for at in (0, 1, 2, 3, 3):
            board.observe(trouble(message=f"trouble {at}"), 0.0)
        assert board.troubles == ("trouble 1", "trouble 2", "trouble 3")

    def test_a_request_that_waits_for_another_try_has_no_responses(self) -> None:
        board = Board()
        board.observe(started(1), 0.0)
        board.observe(RequestStarted("0", "worklist", "ris"), 1.0)
        board.observe(ResponsesArrived("0", "worklist", "ris", 7), 1.0)
        board.observe(retried("0"), 2.0)
        group = board.groups["worklist", "ris"]
        assert (group.responses, group.done, group.arriving) == (0, 0, {})
        assert board.notice == "worklist at ris: peer-abort: again in 1.5 s"
        board.observe(replace(retried(), seconds=0.04), 3.0)
        assert board.notice == "worklist at ris: peer-abort: again at once"

    def test_follows_the_phases(self) -> None:
        board = Board()
        board.observe(FinishingStarted("worklist", 3), 0.0)
        assert board.phase == "writing worklist"
        board.observe(Stopping("Ctrl-C"), 0.0)
        assert board.phase == "stopping: Ctrl-C"


def retried(request: str = "0", code: str = "peer-abort") -> RequestRetried:
    cause = Cause(code=code, message="ris: it aborted")
    return RequestRetried(request, "worklist", "ris", cause, 1.51)


def split(request: str = "0", pieces: int = 2) -> RequestSplit:
    ids = tuple(f"{request}.{at}" for at in range(pieces))
    return RequestSplit(request, "worklist", "ris", ids, "500 responses look capped")


class TestTheBoardOfARequestThatIsCut:
    def test_counts_it_once_whatever_its_pieces(self, verdict: MakeVerdict) -> None:
        board = Board()
        events: list[Event] = [
            started(2),
            RequestStarted("0", "worklist", "ris"),
            ResponsesArrived("0", "worklist", "ris", 500),
            split("0"),
            RequestStarted("0.0", "worklist", "ris"),
            RequestEnded("worklist", "ris", verdict("0.0", Verdict.COMPLETE, 300)),
        ]
        for event in events:
            board.observe(event, 1.0)
        group = board.groups["worklist", "ris"]
        assert (group.done, group.total, group.pieces) == (0, 2, 2)
        assert group.responses == 800
        board.observe(split("0.1"), 1.0)
        for piece in ("0.1.0", "0.1.1"):
            ended = RequestEnded("worklist", "ris", verdict(piece, Verdict.SUSPECT))
            board.observe(ended, 2.0)
        assert (group.done, group.total, group.pieces) == (1, 2, 4)
        assert group.verdicts == {Verdict.SUSPECT: 1}
        assert board.notice.endswith("500 responses look capped: cut into 2 pieces")

    def test_takes_an_earlier_end_back(self, verdict: MakeVerdict) -> None:
        board = Board()
        board.observe(started(1), 0.0)
        ended = RequestEnded("worklist", "ris", verdict("0", Verdict.COMPLETE))
        board.observe(ended, 1.0)
        group = board.groups["worklist", "ris"]
        assert group.done == 1
        board.observe(split("0"), 1.0)
        assert (group.done, group.bad) == (0, 0)

    def test_counts_all_it_brought_once(self, verdict: MakeVerdict) -> None:
        board = Board()
        board.observe(started(2), 0.0)
        cut = replace(split("0"), responses=37)
        board.observe(RequestStarted("0", "worklist", "ris"), 0.0)
        board.observe(ResponsesArrived("0", "worklist", "ris", 30), 0.0)
        board.observe(cut, 1.0)
        group = board.groups["worklist", "ris"]
        assert group.responses == 37
        told = RequestEnded("worklist", "ris", verdict("1", Verdict.COMPLETE, 5))
        board.observe(told, 1.0)
        board.observe(replace(split("1"), responses=5), 1.0)
        assert group.responses == 42

    def test_finds_pieces_of_an_earlier_execution(self, verdict: MakeVerdict) -> None:
        board = Board()
        born = tuple(
            SimpleNamespace(
                id=name, query="worklist", peer="ris", parent=parent, origin="split"
            )
            for name, parent in (("0.1", "0"), ("0.1.0", "0.1"))
        )
        plan = plan_of(("0", "worklist", "ris"))
        begun = RunStarted(plan, "/r", ("0.1.0",), cast("Any", born))
        board.observe(begun, 0.0)
        ended = RequestEnded("worklist", "ris", verdict("0.1.0", Verdict.COMPLETE))
        board.observe(ended, 1.0)
        group = board.groups["worklist", "ris"]
        assert (group.done, group.total) == (1, 1)


class TestTheBoardOfRequestsForRows:
    def test_grows_at_the_peer_the_rows_came_from(self, verdict: MakeVerdict) -> None:
        board = Board()
        plan = plan_of(("0.0", "studies", "a"), ("0.1", "studies", "b"))
        board.observe(RunStarted(plan, "/r", ("0.0", "0.1")), 0.0)
        made = ("1.0.0.0.0", "1.0.0.0.1", "1.1.0.1.0")
        board.observe(RequestsGrown("series", made), 1.0)
        totals = {key: group.total for key, group in board.groups.items()}
        assert totals["series", "a"] == 2
        assert totals["series", "b"] == 1
        ended = RequestEnded("series", "b", verdict("1.1.0.1.0", Verdict.COMPLETE, 5))
        board.observe(ended, 2.0)
        assert board.groups["series", "b"].done == 1

    def test_counts_probes_among_pieces(self) -> None:
        board = Board()
        board.observe(started(1), 0.0)
        board.observe(RequestsGrown("worklist", ("0.7",)), 1.0)
        group = board.groups["worklist", "ris"]
        assert (group.total, group.pieces) == (1, 1)


class TestTheLiveScreen:
    def test_shows_the_latest_split_and_the_pieces(self) -> None:
        board = Board()
        board.observe(started(2), 0.0)
        board.observe(split(pieces=3), 0.0)
        lines = drawn(board, console())
        assert "+3 pcs" in lines[1]
        assert lines[-1] == (
            "worklist at ris: 500 responses look capped: cut into 3 pieces"
        )

    @pytest.mark.parametrize("width", [20, 33, 50, 80, 200])
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
    def test_never_wraps(self, width: int, encoding: str, verdict: MakeVerdict) -> None:
        board = Board()
        board.observe(started(1234, peer="peer-" * 20), 0.0)
        board.observe(RequestStarted("0", "worklist", "peer-" * 20), 0.0)
        ended = verdict("0", Verdict.FAILED, 123_456)
        board.observe(RequestEnded("worklist", "peer-" * 20, ended), 1.0)
        board.observe(trouble(message="a long trouble " * 20), 1.0)
        on = console(width, encoding=encoding)
        lines = drawn(board, on)
        assert 3 < len(lines) <= 5
        assert max(len(line) for line in lines) <= width
        for line in lines:
            line.encode(encoding)

    def test_shows_a_long_note_whole_where_there_is_room(self) -> None:
        board = Board()
        board.observe(started(1), 0.0)
        board.observe(split(pieces=3), 0.0)
        words = board.notice.split()
        high = drawn(board, console(30, height=24))
        assert " ".join(high[2:]).split() == words
        low = drawn(board, console(30, height=12))
        assert len(low) == 3
        assert low[-1].endswith(" ...")

    def test_shows_the_peer_beside_a_long_name(self) -> None:
        board = Board()
        query = "all-the-studies-" * 4
        board.observe(RunStarted(plan_of(("0", query, "ris")), "/r", ("0",)), 0.0)
        line = drawn(board, console(60))[1]
        assert re.match(r"all-t\.\.\.dies- @ ris ", line)

    def test_is_never_higher_than_the_terminal(self) -> None:
        board = Board()
        requests = [(str(at), "q", f"p{at}") for at in range(100)]
        ids = tuple(name for name, _, _ in requests)
        board.observe(RunStarted(plan_of(*requests), "/r", ids), 0.0)
        board.observe(RequestStarted("99", "q", "p99"), 0.0)
        lines = drawn(board, console(height=12))
        assert len(lines) <= 12
        assert any("q @ p99" in line for line in lines)
        assert "and 94 more" in lines

    def test_shows_running_groups_before_ended_ones(self, verdict: MakeVerdict) -> None:
        board = Board()
        plan = plan_of(("0", "q", "ended"), ("1", "q", "waiting"))
        board.observe(RunStarted(plan, "/r", ("0", "1")), 0.0)
        board.observe(RequestEnded("q", "ended", verdict("0", Verdict.COMPLETE)), 0.0)
        lines = drawn(board, console(height=7))
        assert "waiting" in lines[1]

    def test_is_sober_before_anything_is_known(self) -> None:
        assert drawn(Board(), console()) == ["batchfind  asking  0/0"]

    def test_obeys_no_color(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        board = Board()
        board.observe(started(), 0.0)
        board.observe(trouble(), 0.0)
        text = "\n".join(drawn(board, console(force_terminal=True)))
        assert "\x1b[3" not in text

    def test_shows_no_markup_of_a_peer_as_style(self) -> None:
        board = Board()
        board.observe(trouble(message="[red]x[/red]\x1b[2J"), 0.0)
        assert drawn(board, console())[-1] == r"[red]x[/red]\x1b[2J"

    def test_leaves_no_trace(self) -> None:
        on = console(force_terminal=True)
        with screen(Board(), on) as observe:
            observe(started())
        on.file.flush()
        written = cast("io.BytesIO", on.file.buffer).getvalue()  # type: ignore[attr-defined]
        assert written.endswith(b"\x1b[2K")


class TestPlainLines:
    def test_tell_the_run_directory_first(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Lines(Board())(started())
        lines = capsys.readouterr().err.splitlines()
        assert lines == ["run directory: /runs/nightly/one", "nightly: 2 requests"]

    def test_tell_of_a_group_when_it_is_done(
        self, capsys: pytest.CaptureFixture[str], verdict: MakeVerdict
    ) -> None:
        lines = Lines(Board())
        lines(started(2))
        capsys.readouterr()
        lines(RequestEnded("worklist", "ris", verdict("0", Verdict.COMPLETE, 3)))
        assert capsys.readouterr().err == ""
        lines(RequestEnded("worklist", "ris", verdict("1", Verdict.FAILED)))
        assert capsys.readouterr().err == (
            "worklist @ ris: 1 answered, 1 failed, 3 responses received, 0.0 s\n"
        )

    def test_tell_each_trouble_of_a_peer_once(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = Lines(Board())
        for _ in range(3):
            lines(trouble(message="ris: no\x1b"))
        assert capsys.readouterr().err == "refused: ris: no\\x1b\n"
        for at in range(30):
            lines(trouble(peer=f"p{at}"))
        assert len(capsys.readouterr().err.splitlines()) == 19

    def test_tell_of_progress_at_most_every_five_seconds(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 100.0
        monkeypatch.setattr("batchfind.cli.display.time.monotonic", lambda: now)
        lines = Lines(Board())
        lines(started(2))
        capsys.readouterr()
        for now in (101.0, 104.9, 105.1, 106.0):  # noqa: B007 - the clock reads it
            lines(ResponsesArrived("0", "worklist", "ris", 5))
        assert (
            capsys.readouterr().err == "0 of 2 requests ended, 5 responses received\n"
        )

    def test_tell_of_stopping_and_writing(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = Lines(Board())
        lines(Stopping("interrupted"))
        lines(FinishingStarted("worklist", 1))
        assert capsys.readouterr().err == (
            "stopping: interrupted\nwriting worklist: 1 response\n"
        )

    def test_tell_once_for_each_cause_what_is_asked_again(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = Lines(Board())
        for request, code in (("0", "refused"), ("1", "refused"), ("2", "dns")):
            lines(retried(request, code))
        assert capsys.readouterr().err == (
            "worklist at ris: refused: again in 1.5 s\n"
            "worklist at ris: dns: again in 1.5 s\n"
        )

    def test_tell_of_the_first_splits_of_a_group_only(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = Lines(Board())
        lines(started(9))
        capsys.readouterr()
        for at in range(9):
            lines(split(str(at), pieces=2 + at // 2))
        assert capsys.readouterr().err.splitlines() == [
            f"worklist at ris: 500 responses look capped: cut into {number} pieces"
            for number in (2, 3, 4)
        ]

    def test_tell_of_a_split_without_the_address_of_its_peer(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        why = "ris (ME -> RIS at 192.0.2.7:104): status A700 after 40 responses"
        Lines(Board())(RequestSplit("0", "worklist", "ris", ("0.0", "0.1"), why))
        assert capsys.readouterr().err == (
            "worklist at ris: status A700 after 40 responses: cut into 2 pieces\n"
        )

    def test_tell_of_requests_made_for_rows(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = Lines(Board())
        lines(RunStarted(plan_of(("0.0", "studies", "a")), "/r", ("0.0",)))
        capsys.readouterr()
        lines(RequestsGrown("series", ("1.0.0.0.0", "1.0.0.0.1")))
        lines(RequestsGrown("studies", ("0.0.3",)))
        assert capsys.readouterr().err == "series: 2 requests made of rows that came\n"

    def test_tell_how_many_pieces_there_were(
        self, capsys: pytest.CaptureFixture[str], verdict: MakeVerdict
    ) -> None:
        lines = Lines(Board())
        lines(started(1))
        lines(split())
        capsys.readouterr()
        for piece in ("0.0", "0.1"):
            ended = verdict(piece, Verdict.COMPLETE, 3)
            lines(RequestEnded("worklist", "ris", ended))
        assert capsys.readouterr().err == (
            "worklist @ ris: 1 answered, cut into 2 pieces, 6 responses received, "
            "0.0 s\n"
        )

    def test_tell_of_a_group_that_ended_again_only_what_is_new(
        self, capsys: pytest.CaptureFixture[str], verdict: MakeVerdict
    ) -> None:
        lines = Lines(Board())
        lines(started(1))
        capsys.readouterr()
        for responses in (3, 0, 4):
            ended = verdict("0", Verdict.COMPLETE, responses)
            lines(RequestEnded("worklist", "ris", ended))
        assert capsys.readouterr().err == (
            "worklist @ ris: 1 answered, 3 responses received, 0.0 s\n"
            "worklist @ ris: 1 answered, 7 responses received, 0.0 s\n"
        )


class TestAPeerThatWaits:
    UNTIL = datetime(2026, 11, 23, 20, 0, tzinfo=ZoneInfo("Europe/Berlin"))

    def test_is_a_notice_on_the_board(self) -> None:
        board = Board()
        board.observe(PeerWaits("pacs", self.UNTIL), 1.0)
        assert board.notice == "pacs: waits until Mon 20:00 Europe/Berlin (hours)"

    def test_is_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        Lines(Board())(PeerWaits("pacs", self.UNTIL))
        line = "pacs: waits until Mon 20:00 Europe/Berlin (hours)\n"
        assert capsys.readouterr().err == line

    def test_is_traced(self, capsys: pytest.CaptureFixture[str]) -> None:
        Trace()(PeerWaits("pacs", self.UNTIL))
        line = "PeerWaits peer=pacs until=2026-11-23 20:00:00+01:00\n"
        assert capsys.readouterr().err[10:] == line


class TestAPeerWithoutAPlaceLeft:
    """Other runs on this host have all associations it bears."""

    SENTENCE = "ris: waits for a place, other batchfind processes have them all"

    def test_is_a_notice_on_the_board(self) -> None:
        board = Board()
        board.observe(PlaceAwaited("ris"), 1.0)
        assert board.notice == self.SENTENCE

    def test_is_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        Lines(Board())(PlaceAwaited("ris"))
        assert capsys.readouterr().err == f"{self.SENTENCE}\n"


class TestTheTrace:
    def test_tells_every_event_with_its_facts(
        self, capsys: pytest.CaptureFixture[str], verdict: MakeVerdict
    ) -> None:
        trace = Trace()
        trace(started(1))
        trace(trouble(message="ris: no\n"))
        trace(RequestEnded("worklist", "ris", verdict("0", Verdict.COMPLETE, 3)))
        lines = [line[10:] for line in capsys.readouterr().err.splitlines()]
        assert lines == [
            "RunStarted run_dir=/runs/nightly/one",
            "PeerTrouble peer=ris refused: ris: no",
            "RequestEnded query=worklist peer=ris 0 complete 3",
        ]


class TestTheChoice:
    def test_quiet_shows_nothing(self) -> None:
        with display(Board(), quiet=True, debug=False) as observers:
            assert observers == ()

    def test_no_terminal_means_lines(self) -> None:
        with display(Board(), quiet=False, debug=False) as (observer,):
            assert isinstance(observer, Lines)

    def test_debug_adds_a_trace(self) -> None:
        with display(Board(), quiet=False, debug=True) as (lines, trace):
            assert isinstance(lines, Lines)
            assert isinstance(trace, Trace)

    @pytest.mark.parametrize(("term", "live"), [("xterm", True), ("dumb", False)])
    def test_a_terminal_means_the_live_screen(
        self, term: str, live: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr("sys.stderr", Terminal())
        with display(Board(), quiet=False, debug=False) as (observer,):
            assert isinstance(observer, Lines) is not live
