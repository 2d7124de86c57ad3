"""Whole runs over TLS, against stunnel before wlmscpfs and against Orthanc."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.reader import open_capture
from batchfind.cli.main import execute
from batchfind.dicom.tls import PROFILES, SUITES
from batchfind.net.tls_suites import usable
from tests.peers.pki import Authority, Identity, Pki, rsa_key
from tests.peers.processes import require
from tests.peers.real import RealPeer
from tests.peers.secured import Tap, orthanc_over_tls, stunnel

pytestmark = pytest.mark.interop

FINDSCU = "/usr/bin/findscu"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        code: exit code.
        said: the JSON on stdout.
        responses: that were captured.
        facts: what the attempt notes about TLS.
        hint: what to do about its cause.
    """

    code: int
    said: Mapping[str, Any]
    responses: int = 0
    facts: str = ""
    hint: str = ""

    @property
    def cause(self) -> Mapping[str, str]:
        causes = [request["cause"] for request in self.said["requests"]]
        assert len(causes) == 1
        assert causes[0] is not None
        found: Mapping[str, str] = causes[0]
        return found


class Site:
    """A folder with certificates, and runs of a worklist query from there."""

    def __init__(
        self, folder: Path, pki: Pki, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = folder
        self.pki = pki
        self._capsys = capsys
        self._runs = 0
        self.file("ca.pem", pki.authority.pem)

    def file(self, name: str, data: bytes) -> str:
        """Writes a file; returns its name, which a job may use."""
        (self.folder / name).write_bytes(data)
        return name

    def showing(self, identity: Identity) -> dict[str, str]:
        """The fields of tls by which we show a certificate."""
        return {
            "key": self.file("us.key", identity.key_pem()),
            "certificate": self.file("us.crt", identity.pem),
        }

    def run(self, peer: RealPeer, tls: Mapping[str, Any] | None, **more: Any) -> Ended:
        """One run of one request; `tls` is added to trust in ca.pem."""
        self._runs += 1
        job = self.folder / f"job{self._runs}.yaml"
        run_dir = self.folder / f"run{self._runs}"
        job.write_text(json.dumps(_job(peer, tls, more)))
        code = execute(["run", str(job), "--json", "--run-dir", str(run_dir)])
        said = json.loads(self._capsys.readouterr().out)
        if not (run_dir / "run.db").exists():
            return Ended(code, said)
        return Ended(code, said, *_captured(run_dir / "run.db"))


def _job(
    peer: RealPeer, tls: Mapping[str, Any] | None, more: Mapping[str, Any]
) -> dict[str, Any]:
    where: dict[str, Any] = {
        "host": "localhost",
        "ip_version": 4,
        "port": peer.port,
        "called_ae": peer.called_ae,
    }
    if tls is not None:
        fields = {"ca": "ca.pem", **tls}
        where["tls"] = {name: each for name, each in fields.items() if each is not None}
    return {
        "version": 1,
        "name": "tls",
        "peers": {"ris": where | dict(more)},
        "queries": {
            "steps": {
                "model": "worklist",
                "allow_universal": True,
                "keys": {"PatientName": "*", "PatientID": ""},
            }
        },
    }


def _captured(path: Path) -> tuple[int, str, str]:
    """Responses of the only request, its facts about TLS, and the hint."""
    responses, facts, hint = 0, "", ""
    with open_capture(path) as capture:
        for request in capture.requests():
            for attempt in capture.attempts(request.id):
                found = capture.matches(attempt.number)
                responses += sum(len(matches.ends) for matches in found)
                facts = attempt.facts.tls if attempt.facts else ""
                if attempt.ending is not None and attempt.ending.cause is not None:
                    hint = attempt.ending.cause.hint
    return responses, facts, hint


@pytest.fixture
def site(tmp_path: Path, pki: Pki, capsys: pytest.CaptureFixture[str]) -> Site:
    return Site(tmp_path, pki, capsys)


StartStunnel = Callable[..., tuple[RealPeer, Tap]]


@pytest.fixture
def behind(tmp_path: Path, wlmscpfs: RealPeer) -> Iterator[StartStunnel]:
    """Starts stunnel before wlmscpfs; arguments as `stunnel`."""
    with ExitStack() as running:

        def start(identity: Identity, **more: Any) -> tuple[RealPeer, Tap]:
            folder = tmp_path / f"stunnel{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return running.enter_context(stunnel(folder, wlmscpfs, identity, **more))

        yield start


@pytest.fixture(scope="module")
def secure_orthanc(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki
) -> Iterator[RealPeer]:
    """Orthanc that demands a certificate."""
    folder = tmp_path_factory.mktemp("orthanc-tls")
    with orthanc_over_tls(folder, pki.peer, pki.authority, demanding=True) as peer:
        yield peer


@pytest.fixture(scope="module")
def lenient_orthanc(
    tmp_path_factory: pytest.TempPathFactory, pki: Pki
) -> Iterator[RealPeer]:
    """Orthanc that asks for no certificate."""
    folder = tmp_path_factory.mktemp("orthanc-anonymous")
    with orthanc_over_tls(folder, pki.peer, pki.authority, demanding=False) as peer:
        yield peer


def refused(ended: Ended, cause: str, *words: str) -> None:
    """Asserts that a run reached nobody, and said so in one clear sentence."""
    assert ended.code == 5
    assert ended.cause["code"] == cause
    for part in words:
        assert part in ended.cause["message"]
    assert "\n" not in ended.cause["message"]
    assert ended.responses == 0


class TestProfiles:
    """Every profile against a server that speaks nothing else."""

    SERVERS: Mapping[str, Mapping[str, str]] = {
        "bcp195-rfc8996": {"ciphers": "ECDHE-RSA-AES256-GCM-SHA384"},
        "bcp195-modified": {"ciphers": "ECDHE-RSA-CHACHA20-POLY1305"},
        "bcp195-nd": {"ciphers": "DHE-RSA-AES128-GCM-SHA256"},
        "bcp195-ex": {"ciphers": "DHE-RSA-AES256-GCM-SHA384"},
        "bcp195": {"ciphers": "AES128-SHA"},
        "aes": {"ciphers": "AES128-SHA"},
        "null": {"ciphers": "NULL-SHA"},
        "basic": {"ciphers": "DES-CBC3-SHA"},
    }

    def test_all_are_here(self) -> None:
        assert set(self.SERVERS) == set(PROFILES)

    @pytest.mark.parametrize("name", [name for name in PROFILES if name != "basic"])
    def test_carry_a_worklist(
        self, name: str, site: Site, behind: StartStunnel, pki: Pki, wlmscpfs: RealPeer
    ) -> None:
        options = {
            **self.SERVERS[name],
            "sslVersionMax": "TLSv1.2",
            "sslVersionMin": "TLSv1.2",
            "securityLevel": "0",
        }
        peer, tap = behind(pki.peer, options=options)
        ended = site.run(peer, {"profile": name})
        assert ended.code == 0, ended.said
        assert ended.responses == site.run(wlmscpfs, None).responses > 0
        suite = next(
            each.name
            for each in SUITES.values()
            if each.openssl == self.SERVERS[name]["ciphers"]
        )
        assert ended.facts == f"TLSv1.2 {suite}"
        assert tap.heard

    @pytest.mark.parametrize("name", ["bcp195", "aes", "null"])
    def test_that_are_old_reach_servers_of_tls_1_0(
        self, name: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {
            **self.SERVERS[name],
            "sslVersionMax": "TLSv1",
            "sslVersionMin": "TLSv1",
            "securityLevel": "0",
        }
        peer, _ = behind(pki.peer, options=options)
        ended = site.run(peer, {"profile": name})
        assert ended.code == 0, ended.said
        assert ended.facts.startswith("TLSv1 TLS_RSA_WITH_")

    @pytest.mark.parametrize("name", ["bcp195-rfc8996", "bcp195-modified", "bcp195-nd"])
    def test_that_are_new_do_not(
        self, name: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {
            "ciphers": "ALL",
            "sslVersionMax": "TLSv1.1",
            "sslVersionMin": "TLSv1",
            "securityLevel": "0",
        }
        peer, tap = behind(pki.peer, options=options)
        refused(
            site.run(peer, {"profile": name}),
            "tls-handshake",
            "the peer ends it: it finds no TLS version in common",
        )
        assert not tap.heard

    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    def test_by_default_reach_servers_of_one_version(
        self, version: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {"sslVersionMax": version, "sslVersionMin": version}
        peer, _ = behind(pki.peer, options=options)
        ended = site.run(peer, {})
        assert ended.code == 0
        assert ended.facts.startswith(f"{version} TLS_")

    def test_that_this_machine_lacks_end_the_command(
        self, site: Site, wlmscpfs: RealPeer
    ) -> None:
        if usable(PROFILES["basic"]):
            pytest.skip("this machine has every profile")
        ended = site.run(wlmscpfs, {"profile": "basic"})
        assert ended.code == 2
        assert "the profile basic cannot be used on this machine" in str(ended.said)


class TestOurCertificate:
    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    def test_opens_a_port_that_demands_one(
        self, version: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {"sslVersionMax": version}
        peer, _ = behind(pki.peer, trusted=pki.authority, options=options)
        assert site.run(peer, site.showing(pki.user)).code == 0

    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    def test_that_is_missing_is_told(
        self, version: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {"sslVersionMax": version}
        peer, tap = behind(pki.peer, trusted=pki.authority, options=options)
        refused(site.run(peer, {}), "tls-verify", "did not accept our certificate: it ")
        assert not tap.heard

    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    def test_that_is_not_trusted_is_told(
        self, version: str, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        options = {"sslVersionMax": version}
        peer, tap = behind(pki.peer, trusted=pki.authority, options=options)
        us = pki.stranger.issue("batchfind", ())
        ended = site.run(peer, site.showing(us))
        refused(ended, "tls-verify", "did not accept our certificate: it")
        assert not tap.heard

    def test_may_be_encrypted(
        self,
        site: Site,
        behind: StartStunnel,
        pki: Pki,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        peer, tap = behind(pki.peer, trusted=pki.authority)
        fields = site.showing(pki.user)
        site.file("us.key", pki.user.key_pem(b"opensesame"))
        monkeypatch.setenv("KEY_PASSWORD", "opensesame")
        ended = site.run(peer, {**fields, "password": {"env": "KEY_PASSWORD"}})
        assert ended.code == 0, ended.said
        monkeypatch.setenv("KEY_PASSWORD", "wrong")
        before = tap.heard
        ended = site.run(peer, {**fields, "password": {"env": "KEY_PASSWORD"}})
        assert ended.code == 2
        assert "the password does not open the key in " in str(ended.said)
        ended = site.run(peer, fields)
        assert ended.code == 2
        assert "is encrypted; set password" in str(ended.said)
        assert tap.heard == before

    def test_may_be_in_der(self, site: Site, behind: StartStunnel, pki: Pki) -> None:
        peer, _ = behind(pki.peer, trusted=pki.authority)
        fields = {
            "format": "der",
            "key": site.file("us.key.der", pki.user.key_der()),
            "certificate": site.file("us.der", pki.user.der),
            "ca": site.file("ca.der", pki.authority.der),
            "crl": site.file("list.der", pki.authority.crl_der()),
        }
        ended = site.run(peer, fields)
        assert ended.code == 0, ended.said


class TestTheCertificateOfThePeer:
    def test_may_be_trusted_by_a_folder(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, _ = behind(pki.peer)
        (site.folder / "trust").mkdir()
        site.file("trust/a file of no special name", pki.authority.pem)
        site.file("trust/README", b"nothing")
        ended = site.run(peer, {"ca": None, "ca_dirs": "trust"})
        assert ended.code == 0, ended.said

    def test_of_an_unknown_authority_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, tap = behind(pki.stranger.issue("wlm"))
        refused(
            site.run(peer, {}),
            "tls-verify",
            "ris (BATCHFIND -> OFFIS at localhost:",
            "the peer's certificate was refused: CN=wlm, O=Example Hospital (issued by "
            "CN=Unknown Root CA, O=Example Hospital) leads to CN=Unknown Root CA",
        )
        assert not tap.heard

    def test_for_another_name_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, tap = behind(pki.authority.issue("wlm", ("ris.example.org",)))
        refused(
            site.run(peer, {}),
            "tls-verify",
            "is issued for ris.example.org, not for localhost",
        )
        assert not tap.heard
        assert site.run(peer, {"verify_hostname": "ris.example.org"}).code == 0
        assert site.run(peer, {"verify_hostname": False}).code == 0

    def test_that_has_expired_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, tap = behind(pki.authority.issue("wlm", days=(-9, -2)))
        refused(site.run(peer, {}), "tls-verify", "CN=wlm", " expired on ")
        assert not tap.heard
        assert site.run(peer, {"verify": "none"}).code == 0

    def test_that_is_revoked_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        us = pki.authority.issue("wlm")
        peer, tap = behind(us)
        crl = site.file("list.crl", pki.authority.crl_pem(us))
        refused(site.run(peer, {"crl": crl}), "tls-verify", "CN=wlm", " is revoked")
        assert not tap.heard
        crl = site.file("list.crl", pki.authority.crl_pem())
        assert site.run(peer, {"crl": crl}).code == 0

    def test_whose_issuer_is_revoked_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        below = Authority("Closed CA", pki.authority)
        peer, tap = behind(below.issue("wlm"))
        lists = {
            "crl": [
                site.file("a.crl", pki.authority.crl_pem(below.identity)),
                site.file("b.crl", below.crl_pem()),
            ]
        }
        ended = site.run(peer, {**lists, "crl_check": "chain"})
        refused(ended, "tls-verify", "CN=Closed CA", "is revoked")
        assert not tap.heard
        assert site.run(peer, {**lists, "crl_check": "leaf"}).code == 0

    def test_without_a_revocation_list_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, tap = behind(pki.peer)
        crl = site.file("other.crl", pki.stranger.crl_pem())
        refused(
            site.run(peer, {"crl": crl}),
            "tls-verify",
            "there is no revocation list of CN=Hospital Root CA",
        )
        assert not tap.heard

    def test_with_a_short_key_is_refused(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        identity = pki.authority.issue("wlm", key=rsa_key(1024))
        peer, tap = behind(identity, options={"securityLevel": "0"})
        refused(site.run(peer, {}), "tls-verify", "CN=wlm", "has 1024 bits")
        assert not tap.heard


class TestPorts:
    def test_without_tls_are_told(self, site: Site, wlmscpfs: RealPeer) -> None:
        ended = site.run(wlmscpfs, {})
        refused(ended, "tls-handshake")
        assert "without TLS" in ended.hint

    def test_with_tls_are_hinted_at(
        self, site: Site, behind: StartStunnel, pki: Pki
    ) -> None:
        peer, tap = behind(pki.peer)
        ended = site.run(peer, None)
        assert ended.code != 0
        assert "expect TLS at this port" in ended.hint
        assert not tap.heard


class TestOrthanc:
    def test_knows_us_by_our_certificate(
        self, site: Site, secure_orthanc: RealPeer, pki: Pki
    ) -> None:
        ended = site.run(secure_orthanc, site.showing(pki.user))
        assert ended.code == 0, ended.said
        assert ended.responses > 0
        assert ended.facts.startswith("TLSv1.")

    def test_refuses_who_shows_none(self, site: Site, secure_orthanc: RealPeer) -> None:
        refused(
            site.run(secure_orthanc, {}), "tls-verify", "did not accept our certificate"
        )

    def test_refuses_a_certificate_of_others(
        self, site: Site, secure_orthanc: RealPeer, pki: Pki
    ) -> None:
        fields = site.showing(pki.stranger.issue("batchfind", ()))
        ended = site.run(secure_orthanc, fields)
        refused(ended, "tls-verify", "did not accept our certificate")

    def test_may_do_without_our_certificate(
        self, site: Site, lenient_orthanc: RealPeer
    ) -> None:
        ended = site.run(lenient_orthanc, {})
        assert ended.code == 0, ended.said
        assert ended.responses > 0

    def test_is_refused_when_its_authority_is_unknown(
        self, site: Site, lenient_orthanc: RealPeer, pki: Pki
    ) -> None:
        ca = site.file("stranger.pem", pki.stranger.pem)
        ended = site.run(lenient_orthanc, {"ca": ca})
        refused(ended, "tls-verify", "leads to CN=Hospital Root CA")

    def test_is_refused_under_another_name(
        self, site: Site, lenient_orthanc: RealPeer
    ) -> None:
        ended = site.run(lenient_orthanc, {"verify_hostname": "orthanc.example.org"})
        refused(ended, "tls-verify", "not for orthanc.example.org")

    def test_without_tls_on_our_side_is_hinted_at(
        self, site: Site, lenient_orthanc: RealPeer
    ) -> None:
        ended = site.run(lenient_orthanc, None)
        assert ended.code == 5
        assert "expect TLS at this port" in ended.hint


class TestFindscusSuites:
    def test_are_known_by_name(self) -> None:
        require(FINDSCU)
        listed = subprocess.run(
            [FINDSCU, "+cc"], check=True, capture_output=True, text=True
        )
        names = {
            line.strip()
            for line in listed.stdout.splitlines()
            if line.strip().startswith("TLS_")
        }
        assert len(names) >= 40
        assert names <= set(SUITES)

    def test_are_all_available_where_openssl_has_them(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        ours = {each.openssl for each in SUITES.values()}
        for entry in context.get_ciphers():
            name = entry["name"]
            if not any(part in name for part in ("PSK", "SRP", "ADH", "AECDH", "TLS_")):
                assert name in ours
