"""A secret of every field, looked for wherever a run leaves a trace.

Tested where they are read, too: references in tests/job/test_secrets.py, sources in
tests/execution/test_credentials.py, a run at a terminal with its tracebacks in
tests/execution/test_secrecy.py, the Python functions in tests/api/test_secrets.py,
associations in tests/net/test_identity.py and tests/ul/test_negotiation.py.
"""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from batchfind.capture.reader import open_capture
from tests.peers import steps
from tests.peers.pki import Pki, server_context
from tests.peers.plugin import StartPeer
from tests.peers.processes import free_port
from tests.peers.scripted import ScriptedPeer
from tests.security.conftest import ROOT

FROM_ENVIRONMENT = {
    "KEY_PASSWORD": "secret-of-the-key",
    "TOKEN": "secret-in-variable",
    "DEMO_PASSWORD": "secret-of-the-demo",
}
IN_FILES = {"pw": "secret-in-a-file", "ticket": "secret-of-the-ticket"}
WRITTEN = {
    "written_password": "secret-in-the-job",
    "written_token": "secret-token-in-the-job",
}
JOB = """\
version: 1
name: sealed
run: {{retry: {{attempts: 1}}}}
tls:
  hospital: {{key: k.pem, certificate: c.pem, ca: ca.pem,
    password: {{env: KEY_PASSWORD}}}}
peers:
  sealed:
    host: 127.0.0.1
    port: {sealed}
    tls: hospital
    user_identity: {{type: username-password, username: anna, password: {{file: pw}}}}
  jwt: {{host: 127.0.0.1, port: {jwt}, user_identity: {{type: jwt,
    token: {{env: TOKEN}}, insecure_ok: true}}}}
  kerberos: {{host: 127.0.0.1, port: {kerberos}, user_identity: {{type: kerberos,
    token: {{file: ticket}}, insecure_ok: true}}}}
  plain: {{host: 127.0.0.1, port: {plain}, user_identity: {{type: username-password,
    username: bert, password: {written_password}, insecure_ok: true}}}}
  saml: {{host: 127.0.0.1, port: {saml}, user_identity: {{type: saml,
    token: {written_token}, insecure_ok: true}}}}
  beside: {{demo: pacs, user_identity: {{type: username-password, username: carl,
    password: {{env: DEMO_PASSWORD}}, insecure_ok: true}}}}
queries:
  q:
    model: worklist
    peers: [sealed, jwt, kerberos, plain, saml]
    keys: {{PatientID: x}}
  demo: {{model: patient, level: PATIENT, peers: [beside], keys: {{PatientID: x}}}}
outputs:
  - {{format: jsonl, path: out/q.jsonl, queries: [q], publish: always}}
  - {{format: csv, path: out/q.csv, queries: [q], publish: always}}
  - {{format: csv, path: out/asked.csv, queries: [q], table: requests,
    publish: always}}
"""
ASKED = ("sealed", "jwt", "kerberos", "plain", "saml")


def planted() -> Iterator[bytes]:
    """Every secret, as written and as it may be encoded."""
    for values in (FROM_ENVIRONMENT, IN_FILES, WRITTEN):
        for text in values.values():
            yield text.encode()
            yield base64.b64encode(text.encode()).rstrip(b"=")
            yield text.encode().hex().encode()


def assert_none_in(place: str, data: bytes, *but: str) -> None:
    for secret in planted():
        if secret.decode() not in but:
            assert secret not in data, f"{secret!r} in {place}"


@pytest.fixture
def peers(scripted_peer: StartPeer, pki: Pki) -> dict[str, ScriptedPeer]:
    """All answer with two matches and then wait to be cancelled."""
    script = (steps.matches(2), steps.until_cancelled(), steps.final(0xFE00))
    context = server_context(pki.peer, trusted=pki.authority)
    return {
        name: scripted_peer(*script, tls=context if name == "sealed" else None)
        for name in ASKED
    }


@pytest.fixture
def folder(tmp_path: Path, pki: Pki, peers: dict[str, ScriptedPeer]) -> Path:
    password = FROM_ENVIRONMENT["KEY_PASSWORD"].encode()
    (tmp_path / "k.pem").write_bytes(pki.user.key_pem(password))
    (tmp_path / "c.pem").write_bytes(pki.user.pem)
    (tmp_path / "ca.pem").write_bytes(pki.authority.pem)
    for name, text in IN_FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    ports = {name: peer.port for name, peer in peers.items()}
    (tmp_path / "job.yaml").write_text(JOB.format(**ports, **WRITTEN), "utf-8")
    return tmp_path


def family_of(process: int) -> list[int]:
    """A process and all that it started, whatever their depth."""
    found = [process]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def in_process_list(process: int) -> bytes:
    """What every user of the machine can read about a process and its children."""
    places = ("cmdline", "comm", "status")
    return b"".join(
        Path(f"/proc/{one}/{place}").read_bytes()
        for one in family_of(process)
        for place in places
    )


def environment(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


def cells_of(database: Path) -> bytes:
    """Every value of every table, one after another."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        values = [
            value
            for (name,) in names.fetchall()
            for row in connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - own
            for value in row
        ]
    texts = (v if isinstance(v, bytes) else str(v).encode() for v in values)
    return b"\0".join(texts)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("screen", ["--json", "--debug"])
class TestARunUnderWay:
    def test_shows_its_secrets_to_peers_alone(
        self, folder: Path, peers: dict[str, ScriptedPeer], screen: str
    ) -> None:
        with subprocess.Popen(
            [
                *(sys.executable, "-m", "batchfind", "run", "job.yaml"),
                *("--allow-plain-secrets", screen),
            ],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | FROM_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                while not all(one.seen.requests for one in peers.values()):
                    assert process.poll() is None
                    time.sleep(0.02)
                listed = in_process_list(process.pid)
                own, *inherited = map(environment, family_of(process.pid))
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == 130, err
        assert_none_in("the process list", listed)
        assert_none_in("its environment", own, *FROM_ENVIRONMENT.values())
        assert inherited  # the demo peers are a process of their own
        for one in inherited:
            assert_none_in("the environment of a child", one)
        assert_none_in("stdout", out)
        assert_none_in("stderr", err)
        sent = b"".join(a.raw for one in peers.values() for a in one.seen.associations)
        for secret in (
            *IN_FILES.values(),
            *WRITTEN.values(),
            FROM_ENVIRONMENT["TOKEN"],
        ):
            assert secret.encode() in sent
        check_files(folder)

    def test_and_so_does_a_run_that_fails(
        self, folder: Path, peers: dict[str, ScriptedPeer], screen: str
    ) -> None:
        """With secrets that do not fit, or peers that are not there."""
        dead = dict.fromkeys(peers, free_port())
        (folder / "job.yaml").write_text(JOB.format(**dead, **WRITTEN), "utf-8")
        wrong = FROM_ENVIRONMENT | {"KEY_PASSWORD": WRITTEN["written_token"]}
        for given, code in ((FROM_ENVIRONMENT, 1), (wrong, 2)):
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "batchfind", "run", "job.yaml"),
                    *("--allow-plain-secrets", screen),
                ],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)} | given,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=60,
            )
            assert done.returncode == code, done.stderr
            assert_none_in("stdout", done.stdout)
            assert_none_in("stderr", done.stderr)
        check_files(folder)


def check_files(folder: Path) -> None:
    """Runs, outputs and what stands beside them, whatever their compression."""
    (run,) = (folder / "runs/sealed").glob("2*")
    names = {path.name for path in run.iterdir()}
    assert {"job.yaml", "plan.json", "run.db"} <= names
    planted_in = {"k.pem", "c.pem", "ca.pem", "job.yaml", *IN_FILES}
    for path in folder.rglob("*"):
        if path.is_file() and not (path.parent == folder and path.name in planted_in):
            assert_none_in(path.name, path.read_bytes())
    assert_none_in("the tables of run.db", cells_of(run / "run.db"))
    with open_capture(run / "run.db") as capture:
        for attempts in capture.every_attempt().values():
            for stored in (
                one for each in attempts for one in capture.matches(each.number)
            ):
                assert_none_in("a set of responses", bytes(stored.payload))


class TestFindscu:
    def test_shows_no_password_of_its_command_line(
        self, folder: Path, peers: dict[str, ScriptedPeer]
    ) -> None:
        """But to those who see the list of processes: it is the user's own line."""
        password = FROM_ENVIRONMENT["KEY_PASSWORD"]
        line = [
            *("findscu", "-W", "-k", "PatientID=x", "--cancel", "1", "-d"),
            *("--arguments", "+tls", "k.pem", "c.pem", "+pw", password),
            *("+cf", "ca.pem"),
            *("localhost", str(peers["sealed"].port)),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "batchfind", *line],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert peers["sealed"].seen.requests, done.stderr
        assert b"'--use-passwd' '***'" in done.stderr
        assert_none_in("stdout", done.stdout)
        assert_none_in("stderr", done.stderr)
