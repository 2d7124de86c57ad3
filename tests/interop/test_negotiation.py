"""What pynetdicom, dcmqrscp and Orthanc make of what we propose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from batchfind.dicom.encode import encode
from batchfind.dicom.extended import decode_options, encode_options, offered_by
from batchfind.dicom.identifier import Element, Identifier
from batchfind.errors import IdentityUnconfirmed, RejectedPermanent
from batchfind.net.client import Client
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts, UserIdentity
from tests.peers.real import RealPeer

STUDY_ROOT = str(StudyRootQueryRetrieveInformationModelFind)
WORKLIST = str(ModalityWorklistInformationFind)
EXPLICIT_LE = "1.2.840.10008.1.2.1"
SECRET = b"open sesame"
PATIENT = Timeouts(connect=60.0, acse=60.0, response=60.0, cancel=60.0, release=60.0)
STUDIES: Identifier = (
    Element(0x0008_0052, "CS", "STUDY"),
    Element(0x0010_0020, "LO", ""),
    Element(0x0020_000D, "UI", ""),
)


@dataclass(slots=True)
class Seen:
    """What pynetdicom's SCP understood."""

    identities: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    extended: list[dict[str, bytes]] = field(default_factory=list)
    windows: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def pynetdicom_scp(
    confirm: Callable[[], tuple[bool, bytes | None]],
    support: Callable[[bytes], bytes],
) -> Iterator[tuple[int, Seen]]:
    """A worklist and study root SCP that answers every negotiation."""
    seen = Seen()

    def identity(event: Any) -> tuple[bool, bytes | None]:
        seen.identities.append(
            (event.user_id_type, event.primary_field, event.secondary_field)
        )
        return confirm()

    def extended(event: Any) -> dict[str, bytes]:
        asked = {str(uid): bytes(data) for uid, data in event.app_info.items()}
        seen.extended.append(asked)
        return {uid: support(data) for uid, data in asked.items()}

    def window(event: Any) -> tuple[int, int]:
        seen.windows.append((event.nr_invoked, event.nr_performed))
        return 3, 1  # pynetdicom sends 1, 1 all the same

    def find(_: Any) -> Iterator[tuple[int, None]]:
        yield 0x0000, None

    ae = AE("PYNETDICOM")
    for sop_class in (STUDY_ROOT, WORKLIST):
        ae.add_supported_context(sop_class)
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_USER_ID, identity),
            (evt.EVT_SOP_EXTENDED, extended),
            (evt.EVT_ASYNC_OPS, window),
            (evt.EVT_C_FIND, find),
        ],
    )
    assert server is not None
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def scp() -> Iterator[tuple[int, Seen]]:
    """Confirms everybody and supports the first half of what is asked."""

    def half(data: bytes) -> bytes:
        return bytes(value * (index < 3) for index, value in enumerate(data))

    with pynetdicom_scp(lambda: (True, b"welcome"), half) as running:
        yield running


async def _session(
    endpoint: Endpoint, offer: Offer, identity: UserIdentity | None
) -> tuple[Client, int | None]:
    with Resolver() as resolver:
        client = await Client.connect(
            endpoint, offer, PATIENT, resolver, identity=identity
        )
    sop_class = offer.abstract_syntaxes[0]
    async with client.find(sop_class, lambda uid: encode(STUDIES, uid, ())) as find:
        async for _ in find.matches():
            pass
    assert await client.release() is None
    return client, None if find.final is None else find.final.status


def session(
    port: int,
    called_ae: str,
    sop_class: str = STUDY_ROOT,
    *,
    options: tuple[str, ...] = (),
    operations: int = 1,
    identity: UserIdentity | None = None,
) -> Client:
    """Associates, asks once with success, releases."""
    extended = ((sop_class, encode_options(sop_class, options)),) if options else ()
    offer = Offer(
        (sop_class,), (EXPLICIT_LE,), extended=extended, operations=operations
    )
    endpoint = Endpoint("127.0.0.1", port, called_ae, "BATCHFIND")
    client, status = asyncio.run(_session(endpoint, offer, identity), debug=True)
    assert status == 0
    return client


def accepted(client: Client, sop_class: str = STUDY_ROOT) -> set[str]:
    data = client.accepted.extended.get(sop_class, b"")
    return set(decode_options(sop_class, data))


class TestUserIdentity:
    @pytest.mark.parametrize("kind", range(1, 6))
    def test_of_five_types_arrives(self, scp: tuple[int, Seen], kind: int) -> None:
        secondary = SECRET if kind == 2 else b""
        identity = UserIdentity(kind, b"alice or token", secondary)
        client = session(scp[0], "PYNETDICOM", identity=identity)
        (found,) = scp[1].identities
        assert found[:2] == (kind, b"alice or token")
        assert (found[2] or b"") == secondary
        assert client.accepted.identity_response is None
        assert client.accepted.warnings == ()

    @pytest.mark.parametrize("kind", [3, 4, 5])
    def test_of_a_token_is_confirmed(self, scp: tuple[int, Seen], kind: int) -> None:
        identity = UserIdentity(kind, b"token", response=True)
        client = session(scp[0], "PYNETDICOM", identity=identity)
        assert client.accepted.identity_response == b"welcome"

    @pytest.mark.parametrize("kind", [1, 2])
    def test_of_a_name_is_not_confirmed_by_pynetdicom(
        self, scp: tuple[int, Seen], kind: int
    ) -> None:
        """It believes the name, but sends no response (PS3.7 Table D.3-15 asks one)."""
        identity = UserIdentity(kind, b"alice", SECRET * (kind == 2), response=True)
        with pytest.raises(IdentityUnconfirmed):
            session(scp[0], "PYNETDICOM", identity=identity)

    def test_that_is_not_accepted_is_a_rejection(self) -> None:
        identity = UserIdentity(2, b"mallory", SECRET, response=True)
        with (
            pynetdicom_scp(lambda: (False, None), bytes) as (port, _),
            pytest.raises(RejectedPermanent) as caught,
        ):
            session(port, "PYNETDICOM", identity=identity)
        assert SECRET.decode() not in str(caught.value)

    @pytest.mark.interop
    def test_dcmqrscp_never_confirms(self, dcmqrscp: RealPeer) -> None:
        quiet = UserIdentity(2, b"alice", SECRET)
        session(dcmqrscp.port, dcmqrscp.called_ae, identity=quiet)
        asking = UserIdentity(2, b"alice", SECRET, response=True)
        with pytest.raises(IdentityUnconfirmed) as caught:
            session(dcmqrscp.port, dcmqrscp.called_ae, identity=asking)
        assert SECRET.decode() not in str(caught.value)

    @pytest.mark.interop
    def test_orthanc_never_confirms(self, orthanc: RealPeer) -> None:
        asking = UserIdentity(5, b"header.claims.signature", response=True)
        with pytest.raises(IdentityUnconfirmed):
            session(orthanc.port, orthanc.called_ae, identity=asking)


class TestExtendedNegotiation:
    @pytest.mark.parametrize("sop_class", [STUDY_ROOT, WORKLIST])
    def test_is_answered_byte_by_byte(
        self, scp: tuple[int, Seen], sop_class: str
    ) -> None:
        options = offered_by(sop_class)
        client = session(scp[0], "PYNETDICOM", sop_class, options=options)
        (asked,) = scp[1].extended
        assert asked == {sop_class: encode_options(sop_class, options)}
        supported = {"relational", "date_time", "fuzzy"} & set(options)
        assert accepted(client, sop_class) == supported

    def test_may_get_a_shorter_answer(self) -> None:
        with pynetdicom_scp(lambda: (True, None), lambda data: data[:1]) as (port, _):
            client = session(port, "PYNETDICOM", options=("relational", "fuzzy"))
        assert accepted(client) == {"relational"}

    @pytest.mark.interop
    @pytest.mark.parametrize("name", ["dcmqrscp", "orthanc"])
    def test_others_leave_it_out(
        self, request: pytest.FixtureRequest, name: str
    ) -> None:
        peer: RealPeer = request.getfixturevalue(name)
        options = offered_by(STUDY_ROOT)
        client = session(peer.port, peer.called_ae, options=options)
        assert accepted(client) <= set(options)
        assert client.accepted.warnings == ()


class TestWindow:
    def test_pynetdicom_answers_one(self, scp: tuple[int, Seen]) -> None:
        client = session(scp[0], "PYNETDICOM", operations=8)
        assert scp[1].windows == [(8, 1)]
        assert client.accepted.operations == 1

    @pytest.mark.interop
    @pytest.mark.parametrize("name", ["dcmqrscp", "orthanc"])
    def test_others_know_none(self, request: pytest.FixtureRequest, name: str) -> None:
        peer: RealPeer = request.getfixturevalue(name)
        client = session(peer.port, peer.called_ae, operations=8)
        assert client.accepted.operations == 1

    def test_everything_at_once(self, scp: tuple[int, Seen]) -> None:
        client = session(
            scp[0],
            "PYNETDICOM",
            options=offered_by(STUDY_ROOT),
            operations=4,
            identity=UserIdentity(3, b"ticket", response=True),
        )
        assert scp[1].windows == [(4, 1)]
        assert accepted(client) == {"relational", "date_time", "fuzzy"}
        assert client.accepted.identity_response == b"welcome"
