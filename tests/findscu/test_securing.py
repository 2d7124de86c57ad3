"""TLS as findscu's options ask for it; `tests/net` has TLS itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchfind.errors import InputError
from batchfind.findscu.call import Call, Level, LogCall, Password, TlsCall
from batchfind.findscu.logs import Log, open_log
from batchfind.findscu.securing import ask_terminal, prepare_tls
from tests.findscu.programs import Outcome, ours, people
from tests.peers import steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer


@pytest.fixture
def files(pki: Pki, tmp_path: Path) -> Path:
    """A folder with our certificate, our key in two ways, and authorities."""
    pki.user.files(tmp_path, "user")
    (tmp_path / "sealed.key").write_bytes(pki.user.key_pem(b"secret"))
    (tmp_path / "user.der").write_bytes(pki.user.der)
    (tmp_path / "key.der").write_bytes(pki.user.key_der())
    (tmp_path / "ca.pem").write_bytes(pki.authority.pem)
    (tmp_path / "ca.der").write_bytes(pki.authority.der)
    (tmp_path / "other.pem").write_bytes(pki.stranger.pem)
    (tmp_path / "none.crl").write_bytes(pki.authority.crl_pem())
    (tmp_path / "peer.crl").write_bytes(pki.authority.crl_pem(pki.peer))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "any name").write_bytes(pki.authority.pem)
    return tmp_path


def secured(start: StartPeer, pki: Pki, *, demanding: bool = False) -> ScriptedPeer:
    trusted = pki.authority if demanding else None
    context = server_context(pki.peer, trusted=trusted)
    return start(people(1), steps.final(), tls=context)


def asked(peer: ScriptedPeer, files: Path, *options: str) -> Outcome:
    """Options that begin with an `@` stand for files."""
    named = [str(files / one[1:]) if one[0] == "@" else one for one in options]
    return ours(peer.port, "-k", "PatientName", *named)


def log() -> Log:
    return open_log(Call(peer="a", port=1, log=LogCall(level=Level.FATAL)))


class TestAPeer:
    @pytest.mark.parametrize(
        "options",
        [
            ("+cf", "@ca.pem"),
            ("+cf", "@other.pem", "+cf", "@ca.pem"),
            ("+cd", "@folder"),
            ("-der", "+cf", "@ca.der"),
            ("+cf", "@ca.pem", "+crl", "@none.crl"),
            ("-ic",),
            ("-ic", "+crv"),
            ("-ic", "+crl", "@gone"),
        ],
    )
    def test_is_asked_when_it_is_trusted(
        self, options: tuple[str, ...], scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        peer = secured(scripted_peer, pki)
        outcome = asked(peer, files, "+tla", *options)
        assert (outcome.code, outcome.told("E")) == (0, [])

    @pytest.mark.parametrize(
        "options",
        [("+cf", "@other.pem"), ("+cf", "@ca.pem", "+crl", "@peer.crl")],
    )
    def test_is_refused_otherwise(
        self, options: tuple[str, ...], scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        peer = secured(scripted_peer, pki)
        outcome = asked(peer, files, "+tla", *options)
        (complaint,) = outcome.told("E")
        assert outcome.code == 2
        assert complaint.startswith(
            "Association Request Failed: 000b:0886 TLS error: the peer's certificate"
        )
        assert peer.seen.associations == []

    @pytest.mark.parametrize(
        "options",
        [
            ("@user.key", "@user.crt", "+cf", "@ca.pem"),
            ("@key.der", "@user.der", "-der", "+cf", "@ca.der"),
            ("@sealed.key", "@user.crt", "+pw", "secret", "+cf", "@ca.pem"),
        ],
    )
    def test_may_demand_our_certificate(
        self, options: tuple[str, ...], scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        peer = secured(scripted_peer, pki, demanding=True)
        assert asked(peer, files, "+tls", *options).code == 0

    def test_may_not_speak_tls(self, scripted_peer: StartPeer, files: Path) -> None:
        peer = scripted_peer(on_connect=[steps.raw(b"HTTP/1.1 400 No\r\n\r\n")])
        outcome = asked(peer, files, "+tla", "+cf", "@ca.pem")
        (complaint,) = outcome.told("E")
        assert outcome.code == 2
        assert complaint.startswith("Association Request Failed: 000b:0926 TLS error: ")


class TestMaterialThatCannotBeUsed:
    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (("+tls", "@gone", "@user.crt", "-ic"), "cannot be read"),
            (("+tls", "@user.key", "@gone", "-ic"), "cannot be read"),
            (("+tls", "@sealed.key", "@user.crt", "-pw", "-ic"), "does not open"),
            (("+tls", "@ca.pem", "@user.crt", "-ic"), "no private key"),
            (("+tla", "+cf", "@ca.pem", "+crl", "@gone"), "cannot be read"),
            (("+tla",), "name one with +cf"),
            (("+tla", "+cf", "@ca.pem", "+crv"), "name one with +crl"),
        ],
    )
    def test_ends_the_call_before_it_connects(
        self,
        options: tuple[str, ...],
        reason: str,
        scripted_peer: StartPeer,
        pki: Pki,
        files: Path,
    ) -> None:
        peer = secured(scripted_peer, pki)
        outcome = asked(peer, files, *options)
        (sentence,) = outcome.told("F")
        assert outcome.code == 1
        assert reason in sentence
        assert peer.seen.connections == 0

    @pytest.mark.parametrize(
        "options", [("+cf", "@gone"), ("+cf", "@none.crl"), ("+cd", "@gone")]
    )
    def test_is_no_reason_to_stop_when_it_is_about_trust(
        self, options: tuple[str, ...], scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        peer = secured(scripted_peer, pki)
        outcome = asked(peer, files, "+tla", *options, "+cf", "@ca.pem")
        assert outcome.code == 0
        assert outcome.told("W")[0].startswith("unable to load certificate")


class TestThePassword:
    def call(self, files: Path) -> TlsCall:
        return TlsCall(
            key=files / "sealed.key",
            certificate=files / "user.crt",
            password=Password.PROMPT,
            verify=False,
        )

    def test_is_asked_for(self, files: Path) -> None:
        questions: list[str] = []

        def answer(question: str) -> str:
            questions.append(question)
            return "secret"

        prepare_tls(self.call(files), log(), answer)
        assert questions == ["Enter PEM pass phrase:"]

    def test_is_asked_for_at_a_terminal_only(
        self, files: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def nowhere(*_: object) -> int:
            raise OSError

        monkeypatch.setattr("os.open", nowhere)
        with pytest.raises(InputError, match="no password for the encrypted key"):
            prepare_tls(self.call(files), log(), ask_terminal)


class TestTheSeed:
    def test_is_read_and_written(
        self, scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        (files / "seed").write_bytes(b"random" * 100)
        peer = secured(scripted_peer, pki)
        asked(peer, files, "+tla", "-ic", "+rs", "@seed", "+wf", "@new")
        assert (files / "new").stat().st_size == 1024

    def test_is_of_no_great_importance(
        self, scripted_peer: StartPeer, pki: Pki, files: Path
    ) -> None:
        peer = secured(scripted_peer, pki)
        options = ("+rs", "@gone", "+wf", "@folder")
        outcome = asked(peer, files, "+tla", "-ic", *options)
        assert outcome.code == 0
        assert len(outcome.told("W")) == len(options) / 2
