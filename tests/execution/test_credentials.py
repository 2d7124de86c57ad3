"""Secrets and certificates, read before the first association."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.errors import InputError, JobError
from batchfind.execution.credentials import Credentials
from batchfind.execution.secret_sources import MOST_BYTES, read_secret, read_ticket
from batchfind.execution.tls_files import read_certificates, server_name
from batchfind.job.transport_model import (
    FileFormat,
    IdentityType,
    Secret,
    SecretKind,
    Tls,
    UserIdentity,
)
from batchfind.plan.model import Plan, PlannedPeer
from tests.execution.plans import peer, plan, request
from tests.peers.pki import Pki

SECRET = "correct horse battery staple"  # noqa: S105 - of nobody
ANNA = UserIdentity(
    type=IdentityType.USERNAME_PASSWORD,
    username="anna",
    password=Secret(SecretKind.ENV, "ANNAS_PASSWORD"),
)


class Terminal:
    """Somebody at a terminal who knows one answer."""

    def __init__(self, answer: str = SECRET) -> None:
        self.questions: list[str] = []
        self._answer = answer

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        return self._answer


def hang_up(question: str) -> str:
    raise EOFError(question)


def of_peers(folder: Path, *peers: PlannedPeer) -> Plan:
    requests = [request(f"0.{at}", each.name) for at, each in enumerate(peers)]
    return plan(folder, peers, requests)


def problems(load: Callable[[], object]) -> list[str]:
    with pytest.raises(JobError) as raised:
        load()
    return [f"{each.path}: {each.message}" for each in raised.value.problems]


class TestSecret:
    def test_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("KEY_PASSWORD", "schlüssel")
        secret = Secret(SecretKind.ENV, "KEY_PASSWORD")
        assert read_secret(secret, "password", None) == "schlüssel".encode()

    @pytest.mark.parametrize(
        ("content", "read"),
        [
            (b"open", b"open"),
            (b"open\n", b"open"),
            (b"open\r\n", b"open"),
            (b"open\n\n", b"open\n"),
            (b" open ", b" open "),
        ],
    )
    def test_of_a_file_loses_one_line_end(
        self, tmp_path: Path, content: bytes, read: bytes
    ) -> None:
        path = tmp_path / "secret"
        path.write_bytes(content)
        secret = Secret(SecretKind.FILE, str(path))
        assert read_secret(secret, "password", None) == read

    def test_of_a_person_at_the_terminal(self) -> None:
        terminal = Terminal()
        secret = Secret(SecretKind.PROMPT)
        assert read_secret(secret, "password of anna", terminal) == SECRET.encode()
        assert terminal.questions == ["password of anna"]

    def test_that_is_empty_or_stands_in_the_job(self) -> None:
        assert read_secret(Secret(SecretKind.EMPTY), "password", None) == b""
        plain = Secret(SecretKind.PLAIN, plain="open")
        assert read_secret(plain, "password", None) == b"open"

    @pytest.mark.parametrize(
        ("secret", "said"),
        [
            (Secret(SecretKind.ENV, "NO_SUCH"), "variable NO_SUCH is not set"),
            (Secret(SecretKind.ENV, "VOID"), "variable VOID holds no secret"),
            (Secret(SecretKind.FILE, "/nowhere/secret"), "No such file or directory"),
            (Secret(SecretKind.FILE, "/etc"), "Is a directory"),
            (Secret(SecretKind.FILE, "a\0b"), "no usable file name"),
            (Secret(SecretKind.FILE, os.devnull), "/dev/null holds no secret"),
            (Secret(SecretKind.PROMPT), "there is no terminal"),
            (Secret(SecretKind.PLAIN), "no plan holds it"),
        ],
    )
    def test_that_cannot_be_read_says_why(
        self, monkeypatch: pytest.MonkeyPatch, secret: Secret, said: str
    ) -> None:
        monkeypatch.setenv("VOID", "")
        with pytest.raises(InputError, match=said):
            read_secret(secret, "password", None)

    @pytest.mark.parametrize("ask", [Terminal(""), hang_up])
    def test_that_nobody_gives(self, ask: Callable[[str], str]) -> None:
        with pytest.raises(InputError, match="the answer holds no secret"):
            read_secret(Secret(SecretKind.PROMPT), "password", ask)

    def test_is_never_that_large(self, tmp_path: Path) -> None:
        path = tmp_path / "image"
        with path.open("wb") as file:
            file.truncate(MOST_BYTES + 1)
        with pytest.raises(InputError, match="larger than 16 MiB"):
            read_secret(Secret(SecretKind.FILE, str(path)), "password", None)


class TestTicket:
    """Kerberos tickets are binary. Source: PS3.7 Section D.3.3.7.1."""

    TICKET = b"\x60\x82\x01\x0a\x00\xff\n"

    @pytest.mark.parametrize(
        "content", [TICKET, base64.b64encode(TICKET), base64.encodebytes(TICKET)]
    )
    def test_of_a_file_is_base64_or_the_bytes_themselves(
        self, tmp_path: Path, content: bytes
    ) -> None:
        path = tmp_path / "ticket"
        path.write_bytes(content)
        secret = Secret(SecretKind.FILE, str(path))
        assert read_ticket(secret, "token", None) == self.TICKET

    def test_elsewhere_is_base64(self) -> None:
        terminal = Terminal(base64.b64encode(self.TICKET).decode())
        assert read_ticket(Secret(SecretKind.PROMPT), "token", terminal) == self.TICKET
        with pytest.raises(InputError, match="the token is not base64"):
            read_ticket(Secret(SecretKind.PROMPT), "token", Terminal("no ticket!"))


class TestIdentity:
    """PS3.7 Table D.3-14."""

    @pytest.mark.parametrize(
        ("identity", "kind", "primary", "secondary"),
        [
            ({"type": IdentityType.USERNAME, "username": "anna"}, 1, b"anna", b""),
            (
                {
                    "type": IdentityType.USERNAME_PASSWORD,
                    "username": "änna",
                    "password": Secret(SecretKind.PROMPT),
                },
                2,
                "änna".encode(),
                b"YW5uYQ==",
            ),
            ({"type": IdentityType.KERBEROS}, 3, b"anna", b""),
            ({"type": IdentityType.SAML}, 4, b"YW5uYQ==", b""),
            ({"type": IdentityType.JWT, "response": True}, 5, b"YW5uYQ==", b""),
        ],
    )
    def test_of_each_type(
        self,
        tmp_path: Path,
        identity: dict[str, Any],
        kind: int,
        primary: bytes,
        secondary: bytes,
    ) -> None:
        asked = UserIdentity(**{"token": Secret(SecretKind.PROMPT)} | identity)
        pacs = peer("pacs", 104, identity=asked)
        credentials = Credentials.load(of_peers(tmp_path, pacs), Terminal("YW5uYQ=="))
        found = credentials.identity(asked)
        assert (found.kind, found.primary, found.secondary) == (
            kind,
            primary,
            secondary,
        )
        assert found.response is asked.response

    def test_longer_than_its_field(self, tmp_path: Path) -> None:
        asked = UserIdentity(type=IdentityType.JWT, token=Secret(SecretKind.PROMPT))
        pacs = peer("pacs", 104, identity=asked)
        terminal = Terminal("x" * 0x10000)
        (told,) = problems(lambda: Credentials.load(of_peers(tmp_path, pacs), terminal))
        assert told.startswith("peers.pacs.user_identity: a field")
        assert "65536 bytes" in told

    def test_without_the_secret_it_needs(self, tmp_path: Path) -> None:
        pacs = peer("pacs", 104, identity=UserIdentity(type=IdentityType.SAML))
        (told,) = problems(lambda: Credentials.load(of_peers(tmp_path, pacs)))
        assert told.endswith("this type of user identity needs a token")


class TestLoading:
    def test_asks_for_each_secret_once(self, tmp_path: Path) -> None:
        asked = replace(ANNA, password=Secret(SecretKind.PROMPT))
        other = replace(asked, username="bert")
        peers = [
            peer("north", 104, identity=asked),
            peer("south", 105, identity=asked),
            peer("east", 106, identity=other),
        ]
        terminal = Terminal()
        credentials = Credentials.load(of_peers(tmp_path, *peers), terminal)
        assert credentials.identity(asked).secondary == SECRET.encode()
        assert terminal.questions == [
            "password of user anna at north",
            "password of user bert at east",
        ]

    def test_leaves_out_peers_that_will_not_be_asked(self, tmp_path: Path) -> None:
        asked = replace(ANNA, password=Secret(SecretKind.ENV, "NO_SUCH"))
        whole = of_peers(tmp_path, peer("north", 104), peer("south", 1, identity=asked))
        Credentials.load(whole, None, whole.requests[:1])
        assert problems(lambda: Credentials.load(whole, None, whole.requests[1:]))

    def test_tells_every_problem_at_once(self, tmp_path: Path) -> None:
        tls = Tls(
            name="hospital",
            key=tmp_path / "own.key",
            certificate=tmp_path / "own.crt",
            password=Secret(SecretKind.PROMPT),
            ca=(tmp_path / "ca.crt",),
            ca_dirs=(tmp_path / "trusted",),
            crl=(tmp_path / "ca.crl",),
            seed=tmp_path / "seed",
        )
        pacs = peer(
            "pacs",
            104,
            tls=tls,
            identity=replace(ANNA, password=Secret(SecretKind.ENV, "NO_SUCH")),
        )
        told = problems(lambda: Credentials.load(of_peers(tmp_path, pacs)))
        assert [each.partition(":")[0] for each in told] == [
            "tls.hospital.password",
            "tls.hospital.key",
            "tls.hospital.certificate",
            "tls.hospital.ca",
            "tls.hospital.ca_dirs",
            "tls.hospital.crl",
            "tls.hospital.seed",
            "peers.pacs.user_identity",
        ]

    def test_names_the_peer_whose_own_settings_they_are(self, tmp_path: Path) -> None:
        tls = Tls(name="pacs", ca=(tmp_path / "ca.crt",))
        pacs = peer("pacs", 104, tls=tls)
        (told,) = problems(lambda: Credentials.load(of_peers(tmp_path, pacs)))
        assert told.startswith("peers.pacs.tls.ca: ")

    def test_names_the_field_of_what_cannot_be_used(self, tmp_path: Path) -> None:
        nonsense = tmp_path / "ca.crt"
        nonsense.write_text("nonsense")
        pacs = peer("pacs", 104, tls=Tls(name="hospital", ca=(nonsense,)))
        (told,) = problems(lambda: Credentials.load(of_peers(tmp_path, pacs)))
        assert told.startswith(f"tls.hospital.ca: {nonsense} ")


class TestTls:
    def test_is_prepared_for_each_host(self, tmp_path: Path, pki: Pki) -> None:
        ca = tmp_path / "ca.pem"
        ca.write_bytes(pki.authority.pem)
        tls = Tls(name="hospital", ca=(ca,), system_ca=False)
        peers = [
            peer("north", 104, host="north.example.org", tls=tls),
            peer("south", 104, host="192.0.2.7", tls=tls),
        ]
        credentials = Credentials.load(of_peers(tmp_path, *peers))
        north = credentials.tls(tls, "north.example.org").settings
        assert (north.verify_name, north.sni) == (
            "north.example.org",
            "north.example.org",
        )
        south = credentials.tls(tls, "192.0.2.7").settings
        assert (south.verify_name, south.sni) == ("192.0.2.7", None)

    @pytest.mark.parametrize(
        ("changes", "verified", "sent"),
        [
            ({}, "ris.example.org", "ris.example.org"),
            ({"verify_hostname": "other.example"}, "other.example", "ris.example.org"),
            ({"verify_hostname": False}, None, "ris.example.org"),
            ({"verify": False}, None, "ris.example.org"),
            ({"sni": "front.example"}, "ris.example.org", "front.example"),
            ({"sni": ""}, "ris.example.org", None),
        ],
    )
    def test_names(
        self,
        tmp_path: Path,
        changes: dict[str, Any],
        verified: str | None,
        sent: str | None,
    ) -> None:
        tls = Tls(name="hospital", **changes)
        ris = peer("ris", 104, host="ris.example.org", tls=tls)
        credentials = Credentials.load(of_peers(tmp_path, ris))
        settings = credentials.tls(tls, "ris.example.org").settings
        assert (settings.verify_name, settings.sni) == (verified, sent)

    def test_an_address_is_no_server_name(self) -> None:
        assert server_name(Tls(name="hospital"), "2001:db8::7") is None

    def test_an_encrypted_key_takes_the_password(
        self, tmp_path: Path, pki: Pki
    ) -> None:
        key, certificate = tmp_path / "own.key", tmp_path / "own.crt"
        key.write_bytes(pki.user.key_pem(SECRET.encode()))
        certificate.write_bytes(pki.user.pem)
        tls = Tls(
            name="hospital",
            key=key,
            certificate=certificate,
            password=Secret(SecretKind.PROMPT),
        )
        whole = of_peers(tmp_path, peer("pacs", 104, tls=tls))
        terminal = Terminal()
        assert Credentials.load(whole, terminal).tls(tls, "127.0.0.1")
        assert terminal.questions == [f"password of the key {key}"]
        (told,) = problems(lambda: Credentials.load(whole, Terminal("wrong")))
        assert told.startswith("tls.hospital.password: ")


class TestFolderOfCertificates:
    def test_gives_every_certificate_whatever_its_name(
        self, tmp_path: Path, pki: Pki
    ) -> None:
        (tmp_path / "root").write_bytes(pki.authority.pem)
        (tmp_path / "b.txt").write_bytes(pki.stranger.pem)
        (tmp_path / "0a1b2c3d.0").symlink_to(tmp_path / "root")
        (tmp_path / "README").write_text("these are trusted")
        (tmp_path / "own.key").write_bytes(pki.user.key_pem())
        (tmp_path / "lost.pem").symlink_to(tmp_path / "gone")
        (tmp_path / "below").mkdir()
        (tmp_path / "below" / "more.pem").write_bytes(pki.department.pem)
        found = read_certificates(tmp_path, FileFormat.PEM)
        assert {data for _, data in found} == {pki.authority.pem, pki.stranger.pem}

    def test_in_der(self, tmp_path: Path, pki: Pki) -> None:
        (tmp_path / "root.cer").write_bytes(pki.authority.der)
        (tmp_path / "root.pem").write_bytes(pki.stranger.pem)
        ((name, data),) = read_certificates(tmp_path, FileFormat.DER)
        assert name.endswith("root.cer")
        assert data == pki.authority.der

    def test_without_any_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "README").write_text("nothing yet")
        with pytest.raises(InputError, match="holds no certificate in PEM"):
            read_certificates(tmp_path, FileFormat.PEM)

    def test_that_is_none_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file or directory"):
            read_certificates(tmp_path / "gone", FileFormat.PEM)


class TestSeed:
    def test_is_read_and_written_back_for_its_owner_alone(self, tmp_path: Path) -> None:
        seed = tmp_path / "seed"
        seed.write_bytes(b"1")
        fresh = tmp_path / "fresh"
        tls = Tls(name="hospital", seed=seed, seed_write_back=fresh)
        credentials = Credentials.load(of_peers(tmp_path, peer("pacs", 104, tls=tls)))
        assert not fresh.exists()
        assert credentials.write_seeds() == ()
        assert len(fresh.read_bytes()) == 1024
        assert stat.S_IMODE(fresh.stat().st_mode) == 0o600

    def test_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        tls = Tls(name="hospital", seed_write_back=tmp_path / "gone" / "seed")
        credentials = Credentials.load(of_peers(tmp_path, peer("pacs", 104, tls=tls)))
        (told,) = credentials.write_seeds()
        assert told.endswith("seed cannot be written: No such file or directory")


class TestSecrecy:
    def test_no_representation_shows_a_secret(
        self, tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ANNAS_PASSWORD", SECRET)
        key, certificate = tmp_path / "own.key", tmp_path / "own.crt"
        key.write_bytes(pki.user.key_pem(SECRET.encode()))
        certificate.write_bytes(pki.user.pem)
        tls = Tls(
            name="hospital",
            key=key,
            certificate=certificate,
            password=Secret(SecretKind.PLAIN, plain=SECRET),
        )
        pacs = peer("pacs", 104, tls=tls, identity=ANNA)
        credentials = Credentials.load(of_peers(tmp_path, pacs))
        shown = repr(
            (
                pacs,
                credentials,
                credentials.identity(ANNA),
                credentials.tls(tls, "127.0.0.1"),
                credentials.tls(tls, "127.0.0.1").settings,
            )
        )
        assert SECRET not in shown
        assert "PRIVATE KEY" not in shown
