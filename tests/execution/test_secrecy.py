"""Secrets reach the peer and nothing else: no file, no screen, no traceback."""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.peers import pdu, steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer
from tests.peers.scripted import ScriptedPeer

ROOT = Path(__file__).resolve().parents[2]
KEY, FILE, PLAIN, TOLD = "of-the-key-71", "in-a-file-72", "in-the-job-73", "told-74"
TICKET = b"\x60\x82ticket-75"
SECRETS = (
    *(secret.encode() for secret in (KEY, FILE, PLAIN, TOLD)),
    TICKET,
    base64.b64encode(TICKET),
)
JOB = """\
version: 1
name: secrecy
tls:
  hospital:
    key: own.key
    certificate: own.crt
    password: {{env: KEY_PASSWORD}}
    ca: ca.pem
peers:
  sealed:
    host: 127.0.0.1
    port: {sealed}
    tls: hospital
    user_identity: {{type: username-password, username: anna, password: {{file: pw}}}}
  plain: {{host: 127.0.0.1, port: {open}, user_identity: {plain}}}
  told: {{host: 127.0.0.1, port: {open}, user_identity: {told}}}
  ticket: {{host: 127.0.0.1, port: {open}, user_identity: {ticket}}}
  unsure: {{host: 127.0.0.1, port: {open}, user_identity: {unsure}}}
queries:
  studies:
    model: study
    level: STUDY
    peers: [sealed, plain, told, ticket, unsure]
    keys: {{PatientID: P1, StudyInstanceUID: ""}}
outputs:
  - {{format: csv, path: "out/{{{{ query }}}}.csv", publish: always}}
"""
IDENTITIES = {
    "plain": f"{{type: jwt, token: {PLAIN}, insecure_ok: true}}",
    "told": "{type: saml, token: prompt, insecure_ok: true}",
    "ticket": "{type: kerberos, token: {file: ticket}, insecure_ok: true}",
    "unsure": f"{{type: jwt, token: {PLAIN}, insecure_ok: true, response: true}}",
}


@pytest.fixture
def peers(scripted_peer: StartPeer, pki: Pki) -> tuple[ScriptedPeer, ScriptedPeer]:
    """One that wants our certificate, and one without TLS."""
    good = (steps.matches(1), steps.final())
    context = server_context(pki.peer, trusted=pki.authority)
    return scripted_peer(*good, tls=context), scripted_peer(*good)


@pytest.fixture
def job(tmp_path: Path, pki: Pki, peers: tuple[ScriptedPeer, ScriptedPeer]) -> Path:
    """A job with a secret of every kind."""
    sealed, plain = peers
    (tmp_path / "own.key").write_bytes(pki.user.key_pem(KEY.encode()))
    (tmp_path / "own.crt").write_bytes(pki.user.pem)
    (tmp_path / "ca.pem").write_bytes(pki.authority.pem)
    (tmp_path / "pw").write_text(f"{FILE}\n")
    (tmp_path / "ticket").write_bytes(base64.encodebytes(TICKET))
    path = tmp_path / "job.yaml"
    path.write_text(JOB.format(sealed=sealed.port, open=plain.port, **IDENTITIES))
    return path


def at_terminal(
    folder: Path, arguments: Sequence[str], answer: str, opening: str = KEY
) -> tuple[int, bytes]:
    """Runs the command for somebody who answers a question; gives code and output."""
    ours, theirs = pty.openpty()
    chunks: list[bytes] = []

    def converse() -> None:
        try:
            while chunk := os.read(ours, 1 << 16):
                chunks.append(chunk)
                if chunk.endswith(b": "):
                    os.write(ours, f"{answer}\n".encode())
        except OSError:  # how Linux tells that the terminal has closed
            return

    person = threading.Thread(target=converse)
    with subprocess.Popen(
        [sys.executable, "-m", "batchfind", *arguments],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "KEY_PASSWORD": opening},
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - the child calls ioctl only
    ) as process:
        os.close(theirs)
        person.start()
        out, err = process.communicate(timeout=60)
    person.join()
    os.close(ours)
    return process.returncode, out + err + b"".join(chunks)


def _take_terminal() -> None:
    """Makes stdin the terminal of the session, which is where passwords are asked."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def everything_below(folder: Path) -> bytes:
    return b"\0".join(
        path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    )


def assert_hidden(*places: bytes) -> None:
    for place in places:
        for secret in SECRETS:
            assert secret not in place


class TestARun:
    def test_tells_secrets_to_peers_alone(
        self,
        tmp_path: Path,
        job: Path,
        peers: tuple[ScriptedPeer, ScriptedPeer],
    ) -> None:
        arguments = ("run", job.name, "--allow-plain-secrets", "--debug", "--show")
        code, shown = at_terminal(tmp_path, arguments, TOLD)
        sealed, plain = peers
        assert code == 1, shown
        assert b"identity-unconfirmed" in shown
        sent = [
            item
            for each in (*sealed.seen.associations, *plain.seen.associations)
            for item in pdu.user_items(each)[0x58]
        ]
        for secret in (FILE.encode(), PLAIN.encode(), TOLD.encode(), TICKET):
            assert any(secret in item for item in sent)
        files = everything_below(tmp_path / "runs") + everything_below(tmp_path / "out")
        assert b"saml" in files
        assert_hidden(shown, files)

    def test_that_resumes_needs_them_again(self, tmp_path: Path, job: Path) -> None:
        arguments = ("run", job.name, "--allow-plain-secrets", "--quiet")
        assert at_terminal(tmp_path, arguments, TOLD)[0] == 1
        code, shown = at_terminal(tmp_path, ("resume", "latest", "--debug"), "")
        assert code == 2
        assert b"the secret stood in the job itself" in shown
        assert_hidden(shown)

    def test_that_cannot_begin_shows_none_in_its_traceback(
        self, tmp_path: Path, job: Path
    ) -> None:
        (tmp_path / "ticket").unlink()
        (tmp_path / "ticket").mkdir()
        arguments = ("run", job.name, "--allow-plain-secrets", "--debug")
        code, shown = at_terminal(tmp_path, arguments, TOLD, opening="wrong-76")
        assert code == 2
        assert b"Traceback" in shown
        assert b"wrong-76" not in shown
        assert_hidden(shown)
        assert not (tmp_path / "runs").exists()


class TestOtherCommands:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("validate", "job.yaml", "--json"),
            ("plan", "job.yaml"),
            ("plan", "job.yaml", "--json"),
            ("ping", "job.yaml", "--debug"),
        ],
    )
    def test_show_none(self, tmp_path: Path, job: Path, arguments: list[str]) -> None:
        del job
        _, shown = at_terminal(
            tmp_path, (*arguments, "--allow-plain-secrets", "--debug"), TOLD
        )
        assert shown
        assert_hidden(shown)

    def test_plain_ones_need_consent(self, tmp_path: Path, job: Path) -> None:
        code, shown = at_terminal(tmp_path, ("run", job.name, "--debug"), TOLD)
        assert code == 2
        assert b"--allow-plain-secrets" in shown
        assert_hidden(shown)

    def test_without_a_terminal_nobody_is_asked(
        self, tmp_path: Path, job: Path
    ) -> None:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "batchfind",
                "run",
                job.name,
                "--allow-plain-secrets",
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "KEY_PASSWORD": KEY},
            check=False,
            timeout=60,
            text=True,
        )
        assert done.returncode == 2
        assert "peers.told.user_identity" in done.stderr
        assert "there is no terminal" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
