"""Why a certificate was refused, from what OpenSSL says about it."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from batchfind.dicom.tls import PROFILES
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_verdicts import Refusal, reason, too_short
from batchfind.net.x509 import Certificate
from tests.peers.pki import Pki, rsa_key

SETTINGS = TlsSettings(profile="bcp195-rfc8996", source="tls.hospital")


def chain(pki: Pki) -> tuple[Certificate, ...]:
    leaf = pki.department.issue("pacs").der
    return Certificate.parse(leaf), Certificate.parse(pki.department.der)


class TestReasons:
    @pytest.mark.parametrize(
        ("code", "said"),
        [
            (67, "a key of the chain is too short for the profile bcp195-rfc8996"),
            (11, "certificate 1 of 2, is not valid yet"),
            (12, "certificate 1 of 2, has expired"),
            (26, "certificate 1 of 2, was refused with the words 'unsuitable'"),
            (10, "a certificate of the chain expired"),
            (9, "a certificate of the chain is not valid"),
        ],
    )
    def test_name_what_they_can(self, pki: Pki, code: int, said: str) -> None:
        found = reason(Refusal(code, "unsuitable", chain(pki)), SETTINGS)
        assert said in found

    def test_of_a_weak_digest_name_the_profile(self, pki: Pki) -> None:
        found = reason(Refusal(68, "", chain(pki)), SETTINGS)
        assert "a digest that the profile bcp195-rfc8996 does not allow" in found

    def test_without_any_certificate_are_whole_sentences(self) -> None:
        assert reason(Refusal(26, "unsuitable", ()), SETTINGS) == (
            "it was refused with the words 'unsuitable'"
        )
        assert reason(Refusal(62, "", ()), SETTINGS) == "it is not issued for any name"
        assert reason(Refusal(3, "", ()), SETTINGS) == (
            "there is no revocation list of a certificate of the chain; add it to "
            "tls.hospital.crl"
        )

    def test_survive_a_list_that_only_openssl_can_read(self, pki: Pki) -> None:
        settings = TlsSettings(
            profile="aes", crls=(("a", b"?"), ("b", b"")), crl_check="chain"
        )
        found = reason(Refusal(23, "", chain(pki)), settings)
        assert found == "a certificate of the chain is revoked"


class TestKeyLengths:
    def test_of_rsa_and_curves_are_judged_by_the_profile(self, pki: Pki) -> None:
        small = Certificate.parse(pki.authority.issue("a", key=rsa_key(1024)).der)
        curve = pki.authority.issue("b", key=ec.generate_private_key(ec.SECP224R1()))
        short = Certificate.parse(curve.der)
        modified = PROFILES["bcp195-modified"]
        assert "1024 bits, fewer than the 2048" in too_short(small, modified)
        assert "224 bits, fewer than the 256" in too_short(short, modified)
        assert not too_short(short, PROFILES["bcp195-rfc8996"])
        assert not too_short(small, PROFILES["aes"])
