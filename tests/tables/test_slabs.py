from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.capture.records import (
    AttemptFacts,
    Ending,
    Outcome,
    StoredAttempt,
    Verdict,
)
from batchfind.dicom.transfer_syntaxes import EXPLICIT_BE, EXPLICIT_LE
from batchfind.job.model import CharsetPolicy, PeerLimits, PeerTimeouts, Priority
from batchfind.plan.model import PlannedPeer, Request
from batchfind.tables.slabs import Origin, Slab, join, origin_of
from tests.tables.material import matches, origin


def responses(slabs: list[Slab]) -> list[tuple[str, int, bytes]]:
    return [
        (part.origin.request, part.first + at, payload)
        for slab in slabs
        for part in slab.parts
        for at, payload in enumerate(part.identifiers())
    ]


PAYLOADS = st.lists(st.binary(max_size=12), max_size=12)


class TestJoining:
    @given(st.lists(PAYLOADS, max_size=6), st.integers(1, 7), st.integers(1, 30))
    def test_keeps_every_response_once_and_in_order(
        self, sets: list[list[bytes]], rows: int, size: int
    ) -> None:
        given = [(origin(str(at)), matches(each)) for at, each in enumerate(sets)]
        found = list(join(given, rows=rows, size=size))
        assert responses(found) == [
            (str(at), index, payload)
            for at, each in enumerate(sets)
            for index, payload in enumerate(each)
        ]
        for slab in found:
            assert 1 <= len(slab) <= rows
            held = sum(part.size for part in slab.parts)
            assert held <= size or len(slab) == 1

    def test_joins_small_answers_across_requests(self) -> None:
        given = [(origin(str(at)), matches([b"x"])) for at in range(5)]
        (slab,) = join(given)
        assert [part.origin.request for part in slab.parts] == list("01234")

    def test_never_mixes_transfer_syntaxes(self) -> None:
        little, big = origin("0"), origin("1", transfer_syntax=EXPLICIT_BE)
        given = [(little, matches([b"a"])), (big, matches([b"b"]))]
        found = [slab.transfer_syntax for slab in join(given)]
        assert found == [EXPLICIT_LE, EXPLICIT_BE]

    def test_drops_what_came_after_the_querys_own_cancel(self) -> None:
        kept = origin(kept=3)
        given = [
            (kept, matches([b"a", b"b"])),
            (kept, matches([b"c", b"d"], first=2)),
            (kept, matches([b"e"], first=4)),
        ]
        assert [one[2] for one in responses(list(join(given)))] == [b"a", b"b", b"c"]

    @given(PAYLOADS.filter(bool), st.data())
    def test_a_cut_slab_holds_the_same_responses(
        self, payloads: list[bytes], data: st.DataObject
    ) -> None:
        halves = [payloads[:3], payloads[3:]]
        given = [(origin(str(at)), matches(each)) for at, each in enumerate(halves)]
        (slab,) = join(given)
        start = data.draw(st.integers(0, len(slab) - 1))
        stop = data.draw(st.integers(start + 1, len(slab)))
        assert responses([slab.cut(start, stop)]) == responses([slab])[start:stop]


def attempt(*, facts: bool = True, ending: Ending | None = None) -> StoredAttempt:
    agreed = AttemptFacts(
        transfer_syntax=EXPLICIT_BE,
        peer_implementation="",
        peer_max_pdu=0,
        address="127.0.0.1:104",
        association=1,
        started="2026-01-01T00:00:00.000000Z",
    )
    return StoredAttempt(
        number=1,
        request="2",
        ordinal=1,
        facts=agreed if facts else None,
        ending=ending,
        chain="0" * 64,
    )


class TestOrigin:
    request = Request(
        id="2",
        query="q",
        peer="ris",
        sop_class="1.2",
        level=None,
        calling_ae="A",
        called_ae="B",
        transfer_syntaxes=(EXPLICIT_LE,),
        priority=Priority.MEDIUM,
        identifier=(),
        charset=(),
        cancel=None,  # type: ignore[arg-type]
        bindings={"site": "north"},
        key="0" * 64,
    )
    peer = PlannedPeer(
        name="ris",
        host="localhost",
        port=104,
        demo=None,
        deflate_level=6,
        max_pdu=16384,
        timeouts=PeerTimeouts(),
        limits=PeerLimits(),
        charset=CharsetPolicy(assume="ISO_IR 100", override="ISO_IR 192"),
        end="release",
        on_cancel="cancel",
    )

    def test_gathers_what_tables_need(self) -> None:
        ending = Ending(outcome=Outcome.LIMITED, responses=9, kept=5)
        tried = attempt(ending=ending)
        found = origin_of(self.request, self.peer, tried, Verdict.LIMITED, "run")
        assert found == Origin(
            request="2",
            query="q",
            peer="ris",
            verdict=Verdict.LIMITED,
            transfer_syntax=EXPLICIT_BE,
            assume="ISO_IR 100",
            override="ISO_IR 192",
            bindings={"site": "north"},
            kept=5,
            key="0" * 64,
            run_id="run",
            asked_at=tried.facts.started if tried.facts else "",
        )

    def test_of_an_attempt_without_an_end_keeps_all(self) -> None:
        assert (
            origin_of(self.request, self.peer, attempt(), Verdict.PARTIAL).kept is None
        )

    def test_needs_an_association(self) -> None:
        with pytest.raises(ValueError, match="had no association"):
            origin_of(self.request, self.peer, attempt(facts=False), Verdict.FAILED)
