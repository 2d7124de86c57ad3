"""Repository queries: B001 ends a page, and the last Record Key begins the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import RepositoryQuery  # type: ignore[attr-defined]

from batchfind.capture.records import Outcome, Verdict
from batchfind.dicom.identifier import Element
from batchfind.execution.progress import Event, ResponsesArrived
from batchfind.job.model import Cancel, PerRequest
from batchfind.plan.model import Plan
from tests.execution.conftest import Ask
from tests.execution.plans import peer, plan, request
from tests.peers import pdu, steps
from tests.peers.plugin import StartPeer
from tests.peers.scripted import Request, Step

REPOSITORY = "1.2.840.10008.5.1.4.1.1.201.6"
RECORD_KEY = 0x0008_041B
PRIOR_RECORD_KEY = 0x0008_041C
MORE = 0xB001
KEYS = (
    Element(0x0008_0052, "CS", "STUDY"),
    Element(RECORD_KEY, "OB", b""),
    Element(0x0020_000D, "UI", ""),
)


def repository(folder: Path, port: int, **changes: Any) -> Plan:
    facts = {"sop_class": REPOSITORY, "identifier": KEYS} | changes
    policy = facts.pop("policy", None)
    asked = request("0.0", "repository", **facts)
    return plan(folder, [peer("repository", port)], [asked], policy=policy)


def keyed(key: bytes) -> steps.Build:
    """Responses that all hold this Record Key; an empty one is left out."""

    def build(asked: Request, index: int) -> bytes:
        elements = [pdu.DataElement(RECORD_KEY, b"OB", key)] if key else []
        uid = pdu.text(f"1.2.3.{index}", b"\0")
        elements.append(pdu.DataElement(0x0020_000D, b"UI", uid))
        return pdu.data_set(elements, asked.transfer_syntax)

    return build


def page(count: int, key: bytes, *, more: bool = True) -> list[Step]:
    return [
        steps.matches(count, build=keyed(key)),
        steps.final(MORE if more else 0x0000),
    ]


def prior_keys(requests: Sequence[Request]) -> list[bytes | None]:
    return [
        next(
            (each.value for each in one.elements if each.tag == PRIOR_RECORD_KEY), None
        )
        for one in requests
    ]


class TestNextPage:
    """PS3.4 Section C.6.4.5.3."""

    def test_begins_after_the_last_record_key(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pages = [page(3, b"K1"), page(2, b"K2\0\1"), page(1, b"K3", more=False)]
        scripted = scripted_peer(script=steps.in_turn(*pages))
        asked = ask(repository(tmp_path, scripted.port))
        ending = asked.endings["0.0"]
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert ending is not None
        assert (ending.responses, ending.pages, ending.status) == (6, 3, 0)
        assert len(asked.identifiers["0.0"]) == 6
        assert prior_keys(scripted.seen.requests) == [None, b"K1", b"K2\0\1"]

    def test_is_asked_on_the_same_association_with_a_new_message_id(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pages = [page(1, b"K1"), page(1, b"K2", more=False)]
        scripted = scripted_peer(script=steps.in_turn(*pages))
        ask(repository(tmp_path, scripted.port))
        first, second = scripted.seen.requests
        assert first.association == second.association
        assert first.message_id != second.message_id
        assert scripted.seen.releases == 1

    def test_keeps_all_other_keys(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pages = [page(1, b"K1"), page(1, b"K2", more=False)]
        scripted = scripted_peer(script=steps.in_turn(*pages))
        first_key = Element(PRIOR_RECORD_KEY, "OB", b"OLD1")
        keys = (*KEYS[:2], first_key, KEYS[2])
        ask(repository(tmp_path, scripted.port, identifier=keys))
        first, second = scripted.seen.requests
        assert prior_keys([first, second]) == [b"OLD1", b"K1"]
        others = [
            [one for one in asked.elements if one.tag != PRIOR_RECORD_KEY]
            for asked in (first, second)
        ]
        assert others[0] == others[1]

    def test_is_found_in_implicit_vr(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pages = [page(1, b"K1"), page(1, b"K2", more=False)]
        scripted = scripted_peer(script=steps.in_turn(*pages))
        implicit = ("1.2.840.10008.1.2",)
        asked = ask(repository(tmp_path, scripted.port, transfer_syntaxes=implicit))
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert prior_keys(scripted.seen.requests) == [None, b"K1"]


class TestAPageWithoutContinuation:
    """No endless loop, and a cause that says why the answer ends here."""

    @pytest.mark.parametrize(
        ("pages", "responses", "said"),
        [
            ([page(3, b"")], 3, "the last response holds no Record Key"),
            ([page(2, b"K1"), page(0, b"")], 2, "this page held no response"),
            (
                [page(2, b"K1"), page(1, b"K1")],
                3,
                "the peer ended two pages with the same Record Key",
            ),
            (
                [page(1, b"K1"), page(1, b"K2"), page(1, b"K1")],
                3,
                "the peer ended two pages with the same Record Key",
            ),
            (
                [[steps.matches(1, build=lambda *_: b"\1\2\3"), steps.final(MORE)]],
                1,
                "the last response cannot be decoded",
            ),
        ],
    )
    def test_is_partial(
        self,
        tmp_path: Path,
        ask: Ask,
        scripted_peer: StartPeer,
        pages: list[list[Step]],
        responses: int,
        said: str,
    ) -> None:
        scripted = scripted_peer(script=steps.in_turn(*pages))
        verdict = ask(repository(tmp_path, scripted.port)).verdicts["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.responses == responses
        assert verdict.cause is not None
        assert verdict.cause.code == "no-next-page"
        assert verdict.cause.message.endswith(
            f"the next page cannot be asked for: {said}"
        )
        assert verdict.cause.hint
        assert len(scripted.seen.requests) == len(pages)

    def test_is_failed_when_no_response_came_at_all(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(steps.final(MORE))
        verdict = ask(repository(tmp_path, scripted.port)).verdicts["0.0"]
        assert verdict.verdict is Verdict.FAILED
        assert verdict.cause is not None
        assert verdict.cause.code == "no-next-page"

    def test_of_a_key_the_peer_no_longer_knows_is_a_failure(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        pages = [page(2, b"K1"), [steps.final(0xA710)]]
        scripted = scripted_peer(script=steps.in_turn(*pages))
        asked = ask(repository(tmp_path, scripted.port))
        ending, verdict = asked.endings["0.0"], asked.verdicts["0.0"]
        assert ending is not None
        assert ending.outcome is Outcome.FAILED
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "status-failure"
        assert "prior record key is invalid" in verdict.cause.message

    def test_of_another_model_is_unexpected(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*page(2, b"K1"))
        pacs = peer("pacs", scripted.port)
        verdict = ask(plan(tmp_path, [pacs], [request("0.0", "pacs")])).verdicts["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "status-unexpected"
        assert len(scripted.seen.requests) == 1


class TestCancel:
    """What ends a request counts over all its pages."""

    def test_after_responses_counts_on(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        endless = [
            steps.matches(2, build=keyed(b"K2")),
            steps.until_cancelled(),
            steps.final(0xFE00),
        ]
        scripted = scripted_peer(script=steps.in_turn(page(3, b"K1"), endless))
        cancel = Cancel(after_responses=5)
        asked = ask(repository(tmp_path, scripted.port, cancel=cancel))
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.LIMITED
        assert verdict.responses == 5
        assert scripted.seen.cancels == [scripted.seen.requests[1].message_id]

    def test_at_the_end_of_a_page_asks_for_no_other(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        scripted = scripted_peer(*page(3, b"K1"))
        cancel = Cancel(after_responses=3)
        asked = ask(repository(tmp_path, scripted.port, cancel=cancel))
        assert asked.verdicts["0.0"].verdict is Verdict.LIMITED
        assert asked.verdicts["0.0"].responses == 3
        assert len(scripted.seen.requests) == 1
        assert scripted.seen.cancels == []

    def test_of_the_run_ends_the_page_under_way(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        endless = [
            steps.matches(1, build=keyed(b"K2")),
            steps.until_cancelled(),
            steps.final(0xFE00),
        ]
        scripted = scripted_peer(script=steps.in_turn(page(3, b"K1"), endless))

        def on_second_page(event: Event) -> bool:
            return isinstance(event, ResponsesArrived) and event.responses > 3

        asked = ask(repository(tmp_path, scripted.port), on_second_page)
        verdict = asked.verdicts["0.0"]
        assert verdict.verdict is Verdict.PARTIAL
        assert verdict.cause is not None
        assert verdict.cause.code == "interrupted"
        assert len(scripted.seen.cancels) == 1

    def test_limits_of_the_run_count_over_all_pages(
        self, tmp_path: Path, ask: Ask, scripted_peer: StartPeer
    ) -> None:
        second = [
            steps.matches(3, build=keyed(b"K2")),
            steps.until_cancelled(),
            steps.final(0xFE00),
        ]
        scripted = scripted_peer(script=steps.in_turn(page(3, b"K1"), second))
        policy = {"per_request": PerRequest(responses=5)}
        asked = ask(repository(tmp_path, scripted.port, policy=policy))
        cause = asked.verdicts["0.0"].cause
        assert cause is not None
        assert cause.code == "limit"
        assert len(scripted.seen.requests) == 2


@pytest.fixture
def pynetdicom_repository() -> Iterator[int]:
    """An SCP that returns seven records, three in a page; gives its port."""

    def answer(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        prior = event.identifier.get("PriorRecordKey", b"")
        begin = int(prior) if prior else 0
        for number in range(begin, min(begin + 3, 7)):
            found = Dataset()
            found.RecordKey = b"%02d" % (number + 1)
            found.StudyInstanceUID = f"1.2.3.{number}"
            yield 0xFF00, found
        if begin + 3 < 7:
            yield MORE, None

    entity = AE(ae_title="PEER")
    entity.add_supported_context(RepositoryQuery)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, answer)]
    )
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


class TestPynetdicom:
    """The Repository Query of somebody else."""

    def test_gives_all_its_pages(
        self, tmp_path: Path, ask: Ask, pynetdicom_repository: int
    ) -> None:
        asked = ask(repository(tmp_path, pynetdicom_repository))
        ending = asked.endings["0.0"]
        assert asked.verdicts["0.0"].verdict is Verdict.COMPLETE
        assert ending is not None
        assert (ending.responses, ending.pages) == (7, 3)
