"""Certificates for tests, made when they are needed: authorities, peers, users."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Name: TypeAlias = str | ipaddress.IPv4Address | ipaddress.IPv6Address

_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
PKCS8 = serialization.PrivateFormat.PKCS8
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL
LOCALHOST: tuple[Name, ...] = ("localhost", ipaddress.ip_address("127.0.0.1"))


def curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate, its key, and the certificates between it and the root."""

    certificate: x509.Certificate
    key: Key
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate followed by its chain."""
        return b"".join(
            each.public_bytes(_PEM) for each in (self.certificate, *self.between)
        )

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(_DER)

    def key_pem(
        self,
        password: bytes | None = None,
        form: serialization.PrivateFormat = PKCS8,
    ) -> bytes:
        return self._key(_PEM, password, form)

    def key_der(
        self,
        password: bytes | None = None,
        form: serialization.PrivateFormat = PKCS8,
    ) -> bytes:
        return self._key(_DER, password, form)

    def _key(
        self,
        encoding: serialization.Encoding,
        password: bytes | None,
        form: serialization.PrivateFormat,
    ) -> bytes:
        sealing: serialization.KeySerializationEncryption
        sealing = serialization.NoEncryption()
        if password is not None:
            sealing = serialization.BestAvailableEncryption(password)
        return self.key.private_bytes(encoding, form, sealing)

    def files(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Writes certificate and key in PEM; returns both paths."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key_pem())
        return certificate, key


class Authority:
    """A certification authority of the tests.

    Attributes:
        name: common name.
        identity: its own certificate and key.
    """

    name: str
    identity: Identity

    def __init__(self, name: str, issuer: Authority | None = None) -> None:
        key = curve_key()
        signer: Key = key if issuer is None else issuer.identity.key
        builder = _builder(name, issuer.name if issuer else name, key, (-1, 30))
        builder = builder.add_extension(x509.BasicConstraints(True, None), True)
        certificate = builder.sign(signer, hashes.SHA256())
        between = (certificate, *issuer.identity.between) if issuer else ()
        self.name = name
        self.identity = Identity(certificate, key, between)

    @property
    def pem(self) -> bytes:
        """Its own certificate alone."""
        return self.identity.certificate.public_bytes(_PEM)

    @property
    def der(self) -> bytes:
        return self.identity.der

    def issue(
        self,
        name: str,
        names: Sequence[Name] = LOCALHOST,
        *,
        key: Key | None = None,
        days: tuple[int, int] = (-1, 30),
    ) -> Identity:
        """A certificate for a peer or a user.

        Args:
            name: common name.
            names: DNS names and addresses.
            key: a P-256 key of its own by default.
            days: validity, counted from now.
        """
        key = key or curve_key()
        builder = _builder(name, self.name, key, days)
        if names:
            general = [
                x509.DNSName(each) if isinstance(each, str) else x509.IPAddress(each)
                for each in names
            ]
            builder = builder.add_extension(x509.SubjectAlternativeName(general), False)
        certificate = builder.sign(self.identity.key, hashes.SHA256())
        return Identity(certificate, key, self.identity.between)

    def revocation_list(
        self, *revoked: Identity, days: tuple[int, int] = (-1, 30)
    ) -> x509.CertificateRevocationList:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(_name(self.name))
            .last_update(now + timedelta(days=days[0]))
            .next_update(now + timedelta(days=days[1]))
        )
        for each in revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(each.certificate.serial_number)
                .revocation_date(now - timedelta(hours=1))
                .build()
            )
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.identity.key, hashes.SHA256())

    def crl_pem(self, *revoked: Identity, days: tuple[int, int] = (-1, 30)) -> bytes:
        return self.revocation_list(*revoked, days=days).public_bytes(_PEM)

    def crl_der(self, *revoked: Identity) -> bytes:
        return self.revocation_list(*revoked).public_bytes(_DER)


class Pki:
    """The authorities and parties that most tests need, each made once."""

    @cached_property
    def authority(self) -> Authority:
        """The root that the tests trust."""
        return Authority("Hospital Root CA")

    @cached_property
    def department(self) -> Authority:
        """An authority below the root."""
        return Authority("Radiology CA", self.authority)

    @cached_property
    def stranger(self) -> Authority:
        """A root that nobody trusts."""
        return Authority("Unknown Root CA")

    @cached_property
    def peer(self) -> Identity:
        """A peer at localhost with an RSA key, which every profile can use."""
        return self.authority.issue("pacs", key=rsa_key())

    @cached_property
    def curve_peer(self) -> Identity:
        """The same with an elliptic curve key."""
        return self.authority.issue("pacs-ec")

    @cached_property
    def user(self) -> Identity:
        """Our own certificate."""
        return self.authority.issue("batchfind", ())


def server_context(
    identity: Identity,
    *,
    trusted: Authority | None = None,
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ciphers: str = "",
) -> ssl.SSLContext:
    """A server's context.

    Args:
        identity: that it shows.
        trusted: issuer of the certificate it demands; None: it demands none.
        lowest: version it speaks.
        highest: version it speaks.
        ciphers: in OpenSSL's notation; empty: the library's choice.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:  # they also say how short a key may be
        context.set_ciphers(ciphers)
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*identity.files(Path(folder), "server"))
    if trusted is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=trusted.der)
    context.maximum_version = highest
    context.minimum_version = lowest
    return context


def _builder(
    name: str, issuer: str, key: Key, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example Hospital"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
