"""What is read from certificates and revocation lists. Source: RFC 5280."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.net.der import DerError, first
from batchfind.net.x509 import Certificate, RevocationList
from tests.peers.pki import Authority, Pki, rsa_key


class TestCertificate:
    def test_holds_subject_and_issuer(self, pki: Pki) -> None:
        found = Certificate.parse(pki.peer.der)
        assert found.subject == "CN=pacs, O=Example Hospital"
        assert found.issuer == "CN=Hospital Root CA, O=Example Hospital"
        assert str(found) == f"{found.subject} (issued by {found.issuer})"

    def test_holds_serial_and_validity(self, pki: Pki) -> None:
        found = Certificate.parse(pki.peer.der)
        assert found.serial == pki.peer.certificate.serial_number
        assert found.begins == pki.peer.certificate.not_valid_before_utc
        assert found.ends == pki.peer.certificate.not_valid_after_utc

    def test_holds_the_names_it_is_issued_for(self, pki: Pki) -> None:
        names = ("ris.example.org", ipaddress.ip_address("2001:db8::1"))
        found = Certificate.parse(pki.authority.issue("ris", names).der)
        assert found.names == ("ris.example.org", "2001:db8::1")

    def test_may_be_issued_for_no_name(self, pki: Pki) -> None:
        assert Certificate.parse(pki.user.der).names == ()

    def test_knows_the_length_of_its_key(self, pki: Pki) -> None:
        small = pki.authority.issue("small", key=rsa_key(1024))
        assert Certificate.parse(small.der).bits == 1024
        assert Certificate.parse(pki.peer.der).key == "RSA"
        curve = Certificate.parse(pki.curve_peer.der)
        assert (curve.key, curve.bits) == ("EC", 256)

    def test_of_a_root_is_self_issued(self, pki: Pki) -> None:
        assert Certificate.parse(pki.authority.der).self_issued
        assert not Certificate.parse(pki.department.der).self_issued

    def test_of_another_kind_of_key_has_no_length(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        found = Certificate.parse(_self_signed("edwards", key, None))
        assert (found.key, found.bits) == ("1.3.101.112", 0)

    def test_of_a_dsa_key_says_so(self) -> None:
        key = dsa.generate_private_key(1024)  # noqa: S505 - old ones exist
        found = Certificate.parse(_self_signed("old", key, hashes.SHA256()))
        assert (found.key, found.bits) == ("DSA", 0)

    def test_of_the_far_future_has_a_generalized_time(self) -> None:
        found = Certificate.parse(Authority("far").issue("x", days=(-1, 20_000)).der)
        assert found.ends > datetime.now(UTC) + timedelta(days=19_000)

    def test_cannot_forge_a_line(self) -> None:
        found = Certificate.parse(Authority("a\n\x1b[31mb").der)
        assert found.subject == "CN=a??[31mb, O=Example Hospital"

    def test_has_a_subject_of_bounded_length(self) -> None:
        key = ed25519.Ed25519PrivateKey.generate()
        units = [
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"{at:060}")
            for at in range(9)
        ]
        found = Certificate.parse(_self_signed("long", key, None, units))
        assert len(found.subject) == 200
        assert found.subject.endswith("...")


class TestRevocationList:
    def test_holds_the_serials_it_takes_back(self, pki: Pki) -> None:
        found = RevocationList.parse(pki.authority.crl_der(pki.peer, pki.user))
        assert found.serials == {
            pki.peer.certificate.serial_number,
            pki.user.certificate.serial_number,
        }

    def test_may_be_empty(self, pki: Pki) -> None:
        assert RevocationList.parse(pki.authority.crl_der()).serials == frozenset()

    def test_belongs_to_the_issuer_of_its_certificates(self, pki: Pki) -> None:
        found = RevocationList.parse(pki.authority.crl_der())
        assert found.issuer_der == Certificate.parse(pki.peer.der).issuer_der


class TestDamage:
    @given(data=st.binary(max_size=200))
    @settings(deadline=None)
    def test_of_any_kind_is_a_der_error(self, data: bytes) -> None:
        for parse in (Certificate.parse, RevocationList.parse):
            with pytest.raises(DerError):
                parse(data)

    @given(at=st.integers(min_value=0), value=st.integers(0, 255))
    @settings(deadline=None, max_examples=300)
    def test_of_one_byte_is_read_or_a_der_error(
        self, pki: Pki, at: int, value: int
    ) -> None:
        damaged = bytearray(pki.curve_peer.der)
        damaged[at % len(damaged)] = value
        with suppress(DerError):
            Certificate.parse(bytes(damaged))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x30",
            b"\x30\x05\x00",
            b"\x30\x80",
            b"\x30\x85\x01\x01\x01\x01\x01",
            b"\x30\x82\x01",
        ],
    )
    def test_of_a_length_is_a_der_error(self, data: bytes) -> None:
        with pytest.raises(DerError):
            first(data)


def _self_signed(
    name: str,
    key: ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey,
    digest: hashes.SHA256 | None,
    more: list[x509.NameAttribute[str]] | None = None,
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *(more or [])])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
    )
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)
