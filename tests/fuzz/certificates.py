"""Certificates, keys and revocation lists, in files and from a peer's handshake."""

from __future__ import annotations

import base64
from contextlib import suppress
from pathlib import Path

from batchfind.net.der import DerError
from batchfind.net.tls_material import (
    MaterialError,
    certificates,
    private_key,
    revocation_lists,
)
from batchfind.net.x509 import Certificate, RevocationList


def x509(data: bytes) -> None:
    """A certificate and a revocation list, or the one error of both."""
    with suppress(DerError):
        found = Certificate.parse(data)
        assert str(found).isprintable()
        assert found.bits >= 0
    with suppress(DerError):
        RevocationList.parse(data)


def material(data: bytes) -> None:
    """What a user's file holds, read as PEM and as DER."""
    for der in (False, True):
        for read in (certificates, revocation_lists, private_key):
            with suppress(MaterialError):
                read(data, der=der)


def x509_seeds() -> tuple[bytes, ...]:
    """Two certificates and a revocation list that OpenSSL made."""
    folder = Path(__file__).parent / "corpus/x509"
    return tuple(path.read_bytes() for path in sorted(folder.glob("seed-*.der")))


def material_seeds() -> tuple[bytes, ...]:
    """Files of one and of several, and keys that look like keys and are none."""
    curve, revoked, rsa = x509_seeds()
    algorithm = bytes.fromhex("3009 0607 2A8648CE3D0201".replace(" ", ""))
    secret = b"\x04\x04none"
    keys = (
        _sequence(b"\x02\x01\x00" + algorithm + secret),
        _sequence(b"\x02\x01\x01" + secret),
        _sequence(algorithm + secret),
        _sequence(b"\x02\x01\x00" * 6),
    )
    return (
        b"some words\n" + _pem("CERTIFICATE", curve) + _pem("CERTIFICATE", rsa),
        _pem("X509 CRL", revoked),
        _pem("EC PRIVATE KEY", keys[1]),
        *keys,
        curve,
    )


def _sequence(content: bytes) -> bytes:
    return bytes((0x30, len(content))) + content


def _pem(label: str, der: bytes) -> bytes:
    body = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode("ascii")
