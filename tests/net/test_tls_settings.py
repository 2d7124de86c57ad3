"""Keys, certificates and lists as they are read before the first connection."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from batchfind.errors import InputError
from batchfind.net.settings import TlsSettings
from batchfind.net.tls import TlsClient
from batchfind.net.tls_material import nameless_file
from tests.peers.pki import PKCS8, TRADITIONAL, Identity, Pki, curve_key, rsa_key

SECRET = b"opensesame"


def own(identity: Identity, key: bytes | None = None, **more: object) -> TlsSettings:
    """Settings with a certificate of our own; trusts the machine's store."""
    plain = TlsSettings(
        profile="bcp195-rfc8996",
        key=identity.key_pem() if key is None else key,
        certificate=identity.pem,
        key_name="/etc/ssl/us.key",
        certificate_name="/etc/ssl/us.crt",
        source="tls.hospital",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def trusting(data: bytes, **more: object) -> TlsSettings:
    plain = TlsSettings(
        profile="bcp195-rfc8996",
        cas=(("ca.pem", data),),
        system_ca=False,
        source="tls.hospital",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def complaint(settings: TlsSettings) -> str:
    with pytest.raises(InputError) as raised:
        TlsClient.prepare(settings)
    return str(raised.value)


def loaded(settings: TlsSettings) -> int:
    """How many authorities the settings trust."""
    return len(TlsClient.prepare(settings)._context.get_ca_certs())


class TestOwnKey:
    @pytest.mark.parametrize("password", [None, SECRET])
    @pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
    @pytest.mark.parametrize("make", [curve_key, rsa_key])
    def test_in_pem(
        self, pki: Pki, make: Callable[[], object], form: object, password: bytes | None
    ) -> None:
        us = pki.authority.issue("us", (), key=make())  # type: ignore[arg-type]
        key = us.key_pem(password, form)  # type: ignore[arg-type]
        TlsClient.prepare(own(us, key, password=password))

    @pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
    @pytest.mark.parametrize("make", [curve_key, rsa_key])
    def test_in_der(self, pki: Pki, make: Callable[[], object], form: object) -> None:
        us = pki.authority.issue("us", (), key=make())  # type: ignore[arg-type]
        key = us.key_der(None, form)  # type: ignore[arg-type]
        TlsClient.prepare(own(us, key, certificate=us.der, der=True))

    def test_encrypted_in_der(self, pki: Pki) -> None:
        key = pki.user.key_der(SECRET)
        settings = own(pki.user, key, certificate=pki.user.der, der=True)
        TlsClient.prepare(replace(settings, password=SECRET))
        assert "is encrypted; set password" in complaint(settings)

    def test_with_an_empty_password(self, pki: Pki, tmp_path: Path) -> None:
        plain, sealed = tmp_path / "plain.key", tmp_path / "sealed.key"
        plain.write_bytes(pki.user.key_pem())
        command = ["/usr/bin/openssl", "pkcs8", "-topk8", "-passout", "pass:"]
        if not Path(command[0]).exists():
            pytest.skip("openssl is not on this machine")
        subprocess.run([*command, "-in", plain, "-out", sealed], check=True)
        TlsClient.prepare(own(pki.user, sealed.read_bytes(), password=b""))

    def test_that_needs_no_password_ignores_one(self, pki: Pki) -> None:
        TlsClient.prepare(own(pki.user, password=SECRET))

    @pytest.mark.parametrize("form", [PKCS8, TRADITIONAL])
    def test_with_a_wrong_password(self, pki: Pki, form: object) -> None:
        key = pki.user.key_pem(SECRET, form)  # type: ignore[arg-type]
        for wrong in (b"wrong", b"", b"x" * 2000):
            assert complaint(own(pki.user, key, password=wrong)) == (
                "tls.hospital.password: the password does not open the key in "
                "/etc/ssl/us.key"
            )

    def test_encrypted_without_a_password(self, pki: Pki) -> None:
        for form in (PKCS8, TRADITIONAL):
            assert complaint(own(pki.user, pki.user.key_pem(SECRET, form))) == (
                "tls.hospital.key: /etc/ssl/us.key is encrypted; set password"
            )

    def test_of_another_certificate(self, pki: Pki) -> None:
        other = pki.authority.issue("other")
        assert complaint(own(pki.user, other.key_pem())) == (
            "tls.hospital: the key in /etc/ssl/us.key does not belong to the first "
            "certificate in /etc/ssl/us.crt"
        )

    def test_of_another_kind(self, pki: Pki) -> None:
        assert "does not belong" in complaint(own(pki.user, pki.peer.key_pem()))

    def test_that_is_none(self, pki: Pki) -> None:
        assert complaint(own(pki.user, pki.user.pem)) == (
            "tls.hospital.key: /etc/ssl/us.key holds no private key in PEM"
        )

    def test_that_is_damaged(self, pki: Pki) -> None:
        damaged = pki.user.key_pem().replace(b"M", b"N", 5)
        assert complaint(own(pki.user, damaged)) == (
            "tls.hospital.key: the key in /etc/ssl/us.key is damaged"
        )

    def test_in_the_other_format(self, pki: Pki) -> None:
        assert complaint(own(pki.user, pki.user.key_der())) == (
            "tls.hospital.key: /etc/ssl/us.key holds DER, not a PEM private key; "
            "set format: der"
        )
        der = own(pki.user, certificate=pki.user.der, der=True)
        assert complaint(der) == (
            "tls.hospital.key: /etc/ssl/us.key holds PEM, not a DER private key; "
            "set format: pem"
        )

    def test_is_not_shown(self, pki: Pki) -> None:
        settings = own(pki.user, password=SECRET)
        assert "opensesame" not in repr(settings)
        assert "PRIVATE" not in repr(settings)


class TestOwnCertificate:
    def test_may_be_followed_by_its_chain(self, pki: Pki) -> None:
        us = pki.department.issue("us", ())
        TlsClient.prepare(own(us))
        assert us.pem.count(b"BEGIN CERTIFICATE") == 2

    def test_that_has_expired(self, pki: Pki) -> None:
        us = pki.authority.issue("us", (), days=(-9, -2))
        day = us.certificate.not_valid_after_utc
        assert complaint(own(us)) == (
            "tls.hospital.certificate: /etc/ssl/us.crt holds CN=us, O=Example Hospital "
            "(issued by CN=Hospital Root CA, O=Example Hospital), which expired on "
            f"{day:%Y-%m-%d}; renew it"
        )

    def test_that_is_not_valid_yet(self, pki: Pki) -> None:
        us = pki.authority.issue("us", (), days=(2, 9))
        assert "which is not valid before" in complaint(own(us))

    @pytest.mark.parametrize("text", [b"", b"nothing", b"\x30"])
    def test_that_is_none(self, pki: Pki, text: bytes) -> None:
        for der in (False, True):
            assert complaint(own(pki.user, certificate=text, der=der)).startswith(
                "tls.hospital.certificate: /etc/ssl/us.crt holds "
            )

    @pytest.mark.parametrize("inside", [b"AAAA", b"?", b"MAA="])
    def test_that_is_damaged(self, pki: Pki, inside: bytes) -> None:
        text = b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % inside
        said = complaint(own(pki.user, certificate=text))
        assert said.startswith("tls.hospital.certificate: /etc/ssl/us.crt ")

    def test_with_a_key_too_short_for_the_profile(self, pki: Pki) -> None:
        us = pki.authority.issue("us", (), key=rsa_key(1024))
        assert complaint(own(us)) == (
            "tls.hospital.certificate: /etc/ssl/us.crt: the RSA key of CN=us, "
            "O=Example Hospital (issued by CN=Hospital Root CA, O=Example Hospital) "
            "has 1024 bits, fewer than the 2048 of the profile bcp195-rfc8996; use "
            "another certificate or profile"
        )
        TlsClient.prepare(own(us, profile="aes"))

    def test_of_an_elliptic_curve_too_short_for_the_profile(self, pki: Pki) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

        us = pki.authority.issue("us", (), key=ec.generate_private_key(ec.SECP224R1()))
        assert "224 bits" in complaint(own(us, profile="bcp195-modified"))

    def test_in_der_is_a_single_one(self, pki: Pki) -> None:
        two = pki.user.der + pki.authority.der
        assert complaint(own(pki.user, certificate=two, der=True)) == (
            "tls.hospital.certificate: /etc/ssl/us.crt holds more than one DER "
            "certificate"
        )


class TestTrust:
    def test_a_file_may_hold_several_certificates(self, pki: Pki) -> None:
        both = pki.authority.pem + "ÄÖÜ, said someone\n".encode("latin-1")
        assert loaded(trusting(both + pki.stranger.pem)) == 2

    def test_several_files_count(self, pki: Pki) -> None:
        files = (("a.pem", pki.authority.pem), ("b.pem", pki.stranger.pem))
        assert loaded(trusting(b"", cas=files)) == 2

    def test_the_same_certificate_may_come_twice(self, pki: Pki) -> None:
        assert loaded(trusting(pki.authority.pem * 2)) == 1

    def test_in_der(self, pki: Pki) -> None:
        assert loaded(trusting(pki.authority.der, der=True)) == 1

    def test_a_trusted_certificate_of_openssl_counts(
        self, pki: Pki, tmp_path: Path
    ) -> None:
        program = Path("/usr/bin/openssl")
        if not program.exists():
            pytest.skip("openssl is not on this machine")
        plain = tmp_path / "ca.pem"
        plain.write_bytes(pki.authority.pem)
        made = subprocess.run(
            [program, "x509", "-in", plain, "-trustout", "-addtrust", "serverAuth"],
            check=True,
            capture_output=True,
        )
        assert b"TRUSTED" in made.stdout
        assert loaded(trusting(made.stdout)) == 1

    def test_a_file_without_a_certificate_is_named(self, pki: Pki) -> None:
        assert complaint(trusting(pki.user.key_pem())) == (
            "tls.hospital.ca: ca.pem holds no certificate in PEM"
        )

    def test_the_other_format_is_recognised(self, pki: Pki) -> None:
        assert complaint(trusting(pki.authority.der)) == (
            "tls.hospital.ca: ca.pem holds DER, not a PEM certificate; set format: der"
        )
        assert complaint(trusting(pki.authority.pem, der=True)) == (
            "tls.hospital.ca: ca.pem holds PEM, not a DER certificate; set format: pem"
        )

    def test_a_damaged_certificate_is_named(self) -> None:
        text = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
        assert complaint(trusting(text)) == (
            "tls.hospital.ca: ca.pem holds a damaged certificate"
        )

    def test_of_nobody_is_an_error(self) -> None:
        assert complaint(TlsSettings(profile="aes", system_ca=False)) == (
            "tls: nobody is trusted; name certificates in ca or ca_dirs, or set "
            "system_ca: true"
        )

    def test_is_not_needed_without_verification(self) -> None:
        client = TlsClient.prepare(
            TlsSettings(profile="aes", system_ca=False, verify=False)
        )
        assert client._context.verify_mode == ssl.CERT_NONE


class TestRevocationLists:
    @pytest.mark.parametrize("check", ["leaf", "chain"])
    def test_are_loaded_in_pem_and_der(self, pki: Pki, check: str) -> None:
        pem = (("list.crl", pki.authority.crl_pem()),)
        settings = trusting(pki.authority.pem, crls=pem, crl_check=check)
        stats = TlsClient.prepare(settings)._context.cert_store_stats()
        assert stats["crl"] == 1
        der = (("list.crl", pki.authority.crl_der()),)
        settings = trusting(pki.authority.der, crls=der, crl_check=check, der=True)
        assert TlsClient.prepare(settings)._context.cert_store_stats()["crl"] == 1

    def test_that_are_none_are_named(self, pki: Pki) -> None:
        lists = (("list.crl", pki.authority.pem),)
        assert complaint(trusting(pki.authority.pem, crls=lists)) == (
            "tls.hospital.crl: list.crl holds no revocation list in PEM"
        )

    def test_that_are_damaged_are_named(self, pki: Pki) -> None:
        lists = (("list.crl", b"\x30\x03\x02\x01\x00"),)
        settings = trusting(pki.authority.der, crls=lists, der=True)
        assert complaint(settings) == (
            "tls.hospital.crl: list.crl holds a damaged revocation list"
        )

    def test_are_needed_for_a_check(self, pki: Pki) -> None:
        assert complaint(trusting(pki.authority.pem, crl_check="leaf")) == (
            "tls.hospital.crl_check: there is no revocation list to check against; "
            "name one in crl"
        )


class TestNames:
    @pytest.mark.parametrize("name", ["", ".ris"])
    def test_that_are_none_are_refused(self, pki: Pki, name: str) -> None:
        assert complaint(trusting(pki.authority.pem, sni=name)) == (
            f"tls.hospital.sni: {name!r} is no host name; correct it"
        )
        assert complaint(trusting(pki.authority.pem, verify_name=name)).startswith(
            "tls.hospital.verify_hostname: "
        )

    def test_of_other_peers_share_what_is_loaded(self, pki: Pki) -> None:
        client = TlsClient.prepare(trusting(pki.authority.pem))
        other = client.towards("ris.example.org", None)
        assert other.settings.verify_name == "ris.example.org"
        assert other._context is client._context
        with pytest.raises(InputError):
            client.towards("", None)


class TestFilesWithoutAName:
    def test_can_be_opened_by_path(self) -> None:
        with nameless_file(b"secret") as path:
            assert Path(path).read_bytes() == b"secret"

    def test_can_be_opened_where_memory_has_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr("os.memfd_create", raising=False)
        with nameless_file(b"secret") as path:
            assert Path(path).read_bytes() == b"secret"

    def test_are_gone_afterwards(self) -> None:
        with nameless_file(b"secret") as path:
            pass
        assert not Path(path).exists()
