"""Connecting over TLS, as the tests of this room do it."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from batchfind.dicom.encode import encode
from batchfind.dicom.identifier import Element, Identifier
from batchfind.errors import BatchfindError
from batchfind.net.client import Client
from batchfind.net.connect import open_channel
from batchfind.net.resolver import Resolver
from batchfind.net.settings import Endpoint, Offer, Timeouts, TlsSettings
from batchfind.net.tls import TlsClient
from batchfind.net.tls_session import TlsSession
from tests.peers.pki import Authority, Identity
from tests.peers.tls_server import TlsServer

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
PATIENT = Timeouts(connect=60.0, acse=60.0, response=60.0, release=60.0)
IDENTIFIER: Identifier = (Element(0x0010_0020, "LO", "P1"),)
V1_0, V1_1 = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
V1_2, V1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def trusting(
    *authorities: Authority, name: str | None = "localhost", **more: object
) -> TlsSettings:
    """Settings that trust these authorities and want the peer to be `name`."""
    plain = TlsSettings(
        profile="bcp195-rfc8996",
        cas=tuple((f"{each.name}.pem", each.pem) for each in authorities),
        system_ca=False,
        verify_name=name,
        sni=name,
        source="tls.hospital",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def showing(settings: TlsSettings, identity: Identity) -> TlsSettings:
    return replace(settings, key=identity.key_pem(), certificate=identity.pem)


async def exchanged(port: int, tls: TlsClient | None) -> tuple[int, str]:
    """Responses to one C-FIND, and the facts of TLS."""
    with Resolver() as resolver:
        client = await Client.connect(
            Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
            Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
            PATIENT,
            resolver,
            tls=tls,
        )
    responses = 0
    try:
        async with client.find(
            STUDY_ROOT, lambda syntax: encode(IDENTIFIER, syntax, ())
        ) as find:
            async for matches in find.matches():
                responses += len(matches)
        facts = client.tls_facts
        assert await client.release() is None
    finally:
        await client.abort()
    return responses, facts


def count(port: int, settings: TlsSettings) -> tuple[int, str]:
    return asyncio.run(exchanged(port, TlsClient.prepare(settings)), debug=True)


def fault(
    port: int, settings: TlsSettings | None, timeouts: Timeouts = PATIENT
) -> BatchfindError:
    """What connecting ends with."""
    tls = None if settings is None else TlsClient.prepare(settings)

    async def run() -> None:
        with Resolver() as resolver:
            await Client.connect(
                Endpoint("127.0.0.1", port, "PEER", "BATCHFIND"),
                Offer((STUDY_ROOT,), (EXPLICIT_LE,)),
                timeouts,
                resolver,
                tls=tls,
            )

    with pytest.raises(BatchfindError) as raised:
        asyncio.run(run(), debug=True)
    return raised.value


def count_of_bytes(server: TlsServer, settings: TlsSettings) -> int:
    """How many bytes a trusted server hears before it stays silent."""
    fault(server.port, settings, replace(PATIENT, acse=0.3))
    return len(server.heard)


def session_with(port: int, settings: TlsSettings) -> TlsSession:
    """A session whose handshake succeeded, its connection closed again."""

    async def run() -> TlsSession:
        tls = TlsClient.prepare(settings)
        with Resolver() as resolver:
            endpoint = Endpoint("127.0.0.1", port, "PEER", "BATCHFIND")
            channel, _ = await open_channel(endpoint, resolver, PATIENT, tls)
        await channel.close()
        assert channel.tls is not None
        return channel.tls

    return asyncio.run(run(), debug=True)
