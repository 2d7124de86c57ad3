"""`--save-job` writes a valid job that asks the same and brings the same."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

import batchfind
from batchfind.cli.main import execute
from batchfind.findscu.job_text import job_text, verbatim
from batchfind.findscu.main import main
from tests.peers.processes import require
from tests.peers.real import RealPeer

FINDSCU = "/usr/bin/findscu"

Save = Callable[[str], dict[str, Any]]


@pytest.fixture
def save(folder: Path) -> Save:
    """Saves the job of a command line and gives what it says."""

    def saved(line: str) -> dict[str, Any]:
        assert main([*shlex.split(line), "--save-job", "job.yaml"]) == 0
        text = (folder / "job.yaml").read_text("utf-8")
        assert batchfind.load_job(folder / "job.yaml").plan().requests
        (folder / "job.yaml").unlink()
        job: dict[str, Any] = yaml.safe_load(text)
        return job

    return saved


UNSEEN = "  responses go to no file and are not printed; `batchfind run --show` does\n"
PLAIN = """\
# Made by batchfind findscu --save-job from:
#   findscu -S -aec ARCHIVE -k QueryRetrieveLevel=STUDY -k 'PatientName=MEIER*' pacs 104
# What differs:
#   responses go to no file and are not printed; `batchfind run --show` does
version: 1
name: night-jobs
peers:
  peer:
    host: pacs
    port: 104
    called_ae: ARCHIVE
    calling_ae: FINDSCU
    ip_version: 4
    transfer_syntaxes: local
    timeouts:
      connect: none
      acse: 30s
      response: 60s
    limits:
      associations: 1
      queries_per_association: 1
queries:
  query:
    model: study
    raw: true
    lint: lenient
    keys:
      QueryRetrieveLevel: STUDY
      PatientName: "MEIER*"
"""


class TestTheFile:
    LINE = "-S -aec ARCHIVE pacs 104 -k QueryRetrieveLevel=STUDY -k PatientName=MEIER*"

    def test_is_a_job_that_says_where_it_comes_from(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [*self.LINE.split(), "--save-job", "Night jobs.yaml"]
        assert main(words) == 0
        assert (folder / "Night jobs.yaml").read_text("utf-8") == PLAIN
        assert capsys.readouterr() == ("", f"Night jobs.yaml differs:\n{UNSEEN}")

    @pytest.mark.usefixtures("folder")
    def test_comes_without_a_word_where_nothing_differs(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = [*self.LINE.split(), "-Xs", "a.xml", "--save-job", "job.yaml"]
        assert main(words) == 0
        assert capsys.readouterr() == ("", "")

    @pytest.mark.usefixtures("folder")
    def test_can_be_stdout(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([*self.LINE.split(), "--save-job", "-"]) == 0
        text = PLAIN.replace("night-jobs", "findscu")
        assert capsys.readouterr() == (text, f"the job differs:\n{UNSEEN}")

    def test_is_never_overwritten(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*self.LINE.split(), "--save-job", "empty.txt"]) == 1
        assert (folder / "empty.txt").read_text("utf-8") == ""
        assert "F: empty.txt exists and --save-job" in capsys.readouterr().err

    @pytest.mark.usefixtures("folder")
    def test_that_cannot_be_written_is_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*self.LINE.split(), "--save-job", "nofolder/job.yaml"]) == 1
        assert "F: nofolder/job.yaml cannot be written" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("pacs 104 -k Nonsense=1", "Bad override key/path: Nonsense=1"),
            ("pacs 104 -k 0002,0010=1", "Bad override key/path: 0002,0010=1"),
            ("pacs 104 empty.dcm", "no valid job asks this"),
            ("pacs 104 -k a -aec ''", "Bad override key/path: a"),
            ("pacs 104 -k PatientID -aec ''", "no valid job asks this"),
            ("pacs 104 -k PatientID +tla", "no valid job asks this"),
            ("pacs 104 -k PatientID +tla +cf empty.dcm +crv", "no revocation list"),
            ("pacs 104 -k PatientName=M\udcfcller", "its bytes are no UTF-8"),
        ],
    )
    def test_is_not_there_when_no_job_can_ask_that(
        self,
        line: str,
        message: str,
        folder: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert main([*shlex.split(line), "--save-job", "job.yaml"]) == 1
        assert message in capsys.readouterr().err
        assert not (folder / "job.yaml").exists()


class TestFieldsOfThePeer:
    @pytest.mark.parametrize(
        ("options", "fields"),
        [
            ("-aet US -aec THEM", {"calling_ae": "US", "called_ae": "THEM"}),
            ("-aet 123456789012345678", {"calling_ae": "1234567890123456"}),
            ("-i6", {"ip_version": 6}),
            ("-i0", {"ip_version": "auto"}),
            ("-u", {"new_vr": "ob"}),
            ("-xb", {"transfer_syntaxes": "big"}),
            (
                "-xd +cl 9",
                {"transfer_syntaxes": "deflated", "deflate_level": 9},
            ),
            ("-pdu 4096", {"max_pdu": 4096}),
            ("--abort", {"end": "abort"}),
            (
                "-to 1 -ta 2 -td 3",
                {"timeouts": {"connect": "1s", "acse": "2s", "response": "3s"}},
            ),
            (
                "-ts 0",
                {"timeouts": {"connect": "none", "acse": "30s", "response": "none"}},
            ),
        ],
    )
    def test_say_what_the_options_say(
        self, options: str, fields: dict[str, Any], save: Save
    ) -> None:
        peer = save(f"pacs 104 -k PatientID {options}")["peers"]["peer"]
        assert {name: peer.get(name) for name in fields} == fields


class TestFieldsOfTheQuery:
    @pytest.mark.parametrize(
        ("options", "fields"),
        [
            ("-W", {"model": "worklist"}),
            ("-P", {"model": "patient"}),
            ("-O", {"model": "patient-study"}),
            ("--repeat 3", {"repeat": {"times": 3}}),
            ("--cancel 3", {"cancel": {"after_responses": 3}}),
            ("--cancel 0", {"cancel": None}),
            ("+dc", {"data_correction": True}),
            ("", {"raw": True, "lint": "lenient", "level": None, "files": None}),
        ],
    )
    def test_say_what_the_options_say(
        self, options: str, fields: dict[str, Any], save: Save
    ) -> None:
        query = save(f"pacs 104 -k PatientID {options}")["queries"]["query"]
        assert {name: query.get(name) for name in fields} == fields

    @pytest.mark.parametrize(
        ("keys", "written"),
        [
            (["PatientID=1", "StudyDate", "PatientID=2"], "PatientID: 2 StudyDate:"),
            (["0010,20=007"], "PatientID: 007"),
            (["(0008,1140)[1]x8,60=CT"], "ReferencedImageSequence[1].Modality: CT"),
            (["0040,0100[0]"], "ScheduledProcedureStepSequence[0]:"),
            (["0040,0100"], "ScheduledProcedureStepSequence:"),
            (["0019,0010=ACME 1", "0019,1001=0a"], "0019,0010: ACME 1 0019,1001: 0a"),
            (["StudyDescription=a: b # {c}"], "StudyDescription: a: b # {c}"),
            (["StudyDescription=no"], "StudyDescription: no"),
            (["PatientName=Müller", ""], "PatientName: Müller"),
        ],
    )  # fmt: skip
    def test_hold_the_keys_in_order(
        self, keys: list[str], written: str, save: Save
    ) -> None:
        options = shlex.join(word for key in keys for word in ("-k", key))
        query = save(f"pacs 104 {options}")["queries"]["query"]
        found = " ".join(f"{path}: {value}" for path, value in query["keys"].items())
        assert re.sub(r": (?= |$)", ":", f"{found} ").strip() == written

    def test_take_nothing_for_a_template(self, folder: Path) -> None:
        text = "{{ y }} {% x %} it's \\ here"
        line = ["pacs", "104", "-k", f"StudyDescription={text}", "-aec", "{{ x }}"]
        assert main([*line, "--save-job", "job.yaml"]) == 0
        plan = batchfind.load_job(folder / "job.yaml").plan()
        (request,) = plan.requests
        assert request.called_ae == "{{ x }}"
        assert [element.value for element in request.identifier] == [text]


class TestDictionaries:
    """Those of DCMDICTPATH count for a command line as for a job."""

    def test_give_keywords(
        self, folder: Path, save: Save, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "site.dic").write_text("(0021,1008)\tLO\tWard\t1\tSite\n", "utf-8")
        monkeypatch.setenv("DCMDICTPATH", f"{folder / 'site.dic'}:")
        job = save("pacs 104 -k Ward=3")
        assert job["queries"]["query"]["keys"] == {"0021,1008": "3"}

    def test_are_named_in_the_job(
        self, folder: Path, save: Save, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "site.dic").write_text("(0021,1008)\tLO\tWard\t1\tSite\n", "utf-8")
        (folder / "none.dic").write_text("# nothing\n", "utf-8")
        monkeypatch.setenv("DCMDICTPATH", "site.dic:none.dic:nofile.dic")
        assert save("pacs 104 -k Ward=3")["dictionaries"] == ["site.dic"]
        monkeypatch.delenv("DCMDICTPATH")
        assert "dictionaries" not in save("pacs 104 -k PatientID")

    @pytest.mark.usefixtures("folder")
    def test_that_cannot_be_used_are_left_out_with_a_warning(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("DCMDICTPATH", "nofile.dic")
        assert main(["pacs", "104", "-k", "PatientID", "--save-job", "-"]) == 0
        told = capsys.readouterr().err
        assert told.startswith("W: nofile.dic")
        assert "this file of DCMDICTPATH is left out\n" in told


class TestSeveralRequests:
    def test_follow_one_another_on_one_association(self, save: Save) -> None:
        job = save("pacs 104 -k PatientID --repeat 200")
        assert job["run"] == {"concurrency": 1, "on_failure": "stop"}
        assert job["peers"]["peer"]["limits"] == {
            "associations": 1,
            "queries_per_association": 200,
        }

    def test_may_be_very_many(self, save: Save) -> None:
        job = save("pacs 104 -k PatientID --repeat 10001")
        assert job["run"]["max_requests"] == 10001


class TestOutputs:
    @pytest.mark.parametrize(
        ("options", "output"),
        [
            ("-Xs a.xml", {"format": "xml", "path": "a.xml"}),
            ("-Xs a.xml -od folder", {"format": "xml", "path": "folder/a.xml"}),
            (
                "-Xs /elsewhere/a.xml -od folder",
                {"format": "xml", "path": "/elsewhere/a.xml"},
            ),
            (
                "-Xx -od folder",
                {"format": "xml", "path": "folder/responses", "layout": "files"},
            ),
            (
                "-X -Xlo 5",
                {
                    "format": "dicom",
                    "path": "responses",
                    "name": "rsp{response:04}.dcm",
                    "limit": 5,
                },
            ),
            (
                "-X --repeat 2",
                {
                    "format": "dicom",
                    "path": "responses",
                    "name": "{request}-rsp{response:04}.dcm",
                },
            ),
        ],
    )
    def test_stand_below_the_output_directory(
        self, options: str, output: dict[str, Any], save: Save
    ) -> None:
        assert save(f"pacs 104 -k PatientID {options}")["outputs"] == [output]

    def test_are_none_without_an_option(self, save: Save) -> None:
        assert "outputs" not in save("pacs 104 -k PatientID +sr")


class TestWhatDiffers:
    def told(self, line: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
        words = [*shlex.split(line), "--save-job", "-"]
        assert main(words) == 0
        printed = capsys.readouterr()
        names = set(re.findall(r"^  (--\S+)", printed.err, re.MULTILINE))
        assert names == set(re.findall(r"^#   (--\S+)", printed.out, re.MULTILINE))
        return names

    @pytest.mark.parametrize(
        ("options", "names"),
        [
            ("", set()),
            ("-td 5 -ts 7 --abort -xd -Xs a.xml", set()),
            ("-ts 7", {"--socket-timeout"}),
            ("-d +sr --arguments", {"--debug", "--show-responses", "--arguments"}),
            ("-ll info -sr", {"--log-level", "--hide-responses"}),
            ("-lc good.cfg", {"--log-config"}),
            ("--cancel 3", {"--cancel"}),
            ("-Xs a.xml -Xlo 2", set()),
            ("-Xs a.xml -Xlo 2 --repeat 2", {"--limit-output"}),
            ("-X", {"--extract"}),
            ("-Xx", {"--extract-xml"}),
        ],
    )
    @pytest.mark.usefixtures("folder")
    def test_is_said(
        self, options: str, names: set[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.told(f"pacs 104 -k PatientID {options}", capsys) == names

    @pytest.mark.parametrize(
        ("options", "told"),
        [("", True), ("-v", True), ("-X", False), ("-sr", False), ("+sr", False)],
    )
    def test_responses_that_nobody_sees_are_said(
        self, options: str, told: bool, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.told(f"pacs 104 -k PatientID {options}", capsys)
        words = f"pacs 104 -k PatientID {options} --save-job -"
        assert main(shlex.split(words)) == 0
        assert ("responses go to no file" in capsys.readouterr().err) is told

    @pytest.mark.usefixtures("folder")
    def test_are_the_bytes_of_text_where_a_character_set_is_named(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        text = "pacs 104 -k PatientName=Müller"
        assert self.told(text, capsys) == set()
        text += " -k 'SpecificCharacterSet=ISO_IR 100'"
        assert self.told(text, capsys) == {"--key"}


@pytest.fixture
def keys(folder: Path) -> Path:
    """A private key in `key.pem`, encrypted in `locked.pem`, with its certificate."""
    openssl = "/usr/bin/openssl"
    require(openssl)
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out own.pem -subj /CN=a",
        "rsa -in key.pem -aes256 -passout pass:hidden -out locked.pem",
    ):
        words = [openssl, *command.split()]
        subprocess.run(words, cwd=folder, capture_output=True, check=True)
    return folder


SUITE = "+cs TLS_RSA_WITH_AES_256_CBC_SHA"
SEEDS = "+rs key.pem +wf new.seed"


@pytest.mark.usefixtures("keys")
class TestTls:
    @pytest.mark.parametrize(
        ("options", "fields"),
        [
            ("+tla -ic", {"verify": "none", "sni": "none"}),
            (
                "+tls key.pem own.pem +cf own.pem",
                {
                    "key": "key.pem",
                    "certificate": "own.pem",
                    "ca": ["own.pem"],
                    "system_ca": False,
                    "verify_hostname": False,
                    "sni": "none",
                },
            ),
            (
                "+tls locked.pem own.pem -ic",
                {
                    "key": "locked.pem",
                    "certificate": "own.pem",
                    "password": "prompt",
                    "verify": "none",
                    "sni": "none",
                },
            ),
            (
                "+tls locked.pem own.pem -pw -ic -der",
                {
                    "key": "locked.pem",
                    "certificate": "own.pem",
                    "password": "empty",
                    "format": "der",
                    "verify": "none",
                    "sni": "none",
                },
            ),
            (
                f"+tla +cd folder +cf own.pem +px --request-sni pacs {SUITE} {SEEDS}",
                {
                    "profile": "bcp195",
                    "ca": ["own.pem"],
                    "ca_dirs": ["folder"],
                    "system_ca": False,
                    "verify_hostname": False,
                    "ciphers": ["TLS_RSA_WITH_AES_256_CBC_SHA"],
                    "sni": "pacs",
                    "seed": {"file": "key.pem", "write_back": "new.seed"},
                },
            ),
            (
                "+tla +cf own.pem +crl own.pem +cra",
                {
                    "ca": ["own.pem"],
                    "crl": ["own.pem"],
                    "crl_check": "chain",
                    "system_ca": False,
                    "verify_hostname": False,
                    "sni": "none",
                },
            ),
        ],
    )
    def test_fields_say_what_the_options_say(
        self, options: str, fields: dict[str, Any], save: Save
    ) -> None:
        job = save(f"pacs 2762 -k PatientID {options}")
        (name,) = job["tls"]
        assert job["peers"]["peer"]["tls"] == name
        assert job["tls"][name] == {"profile": "bcp195-rfc8996", **fields}

    def test_a_password_is_written_nowhere(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = "pacs 2762 -k PatientID +tls locked.pem own.pem +pw hidden -ic"
        assert main([*line.split(), "--arguments", "--save-job", "job.yaml"]) == 0
        text = (folder / "job.yaml").read_text("utf-8")
        assert "hidden" not in text + capsys.readouterr().err
        (tls,) = yaml.safe_load(text)["tls"].values()
        assert tls["password"] == {"env": "FINDSCU_KEY_PASSWORD"}
        assert "+pw '***'" in text


def data_sets(path: Path) -> list[str]:
    root = ET.parse(path).getroot()  # noqa: S314 - our own file
    return [ET.canonicalize(ET.tostring(one, "unicode")) for one in root]


@pytest.mark.interop
class TestOnTheWire:
    @pytest.mark.parametrize(
        "options",
        [
            "-k PatientName -k PatientID",
            "-k PatientName -k 0040,0100[0].Modality=CT -xi",
            "-k (0040,0100)[0].ScheduledStationAETitle -k PatientName=V* -xb -u",
            "-k PatientName=* -k PatientBirthDate --repeat 3 -xd",
            "-k PatientName -k AccessionNumber --abort",
            "-k PatientName -k 0019,0010=ACME -k 0019,1001",
            "-k PatientName -td 5 -pdu 4096 -Xlo 2 +dc",
        ],
    )
    def test_a_saved_job_brings_what_findscu_brings(
        self, options: str, wlmscpfs: RealPeer, folder: Path
    ) -> None:
        require(FINDSCU)
        line = f"-aec {wlmscpfs.called_ae} 127.0.0.1 {wlmscpfs.port} {options}"
        words = [*shlex.split(line), "-Xs"]
        subprocess.run([FINDSCU, *words, "theirs.xml"], cwd=folder, check=True)
        assert main([*words, "ours.xml", "--save-job", "job.yaml"]) == 0
        assert execute(["run", "job.yaml", "--quiet"]) == 0
        assert data_sets(folder / "ours.xml") == data_sets(folder / "theirs.xml")
        assert data_sets(folder / "ours.xml")


class TestTheTextOfAJob:
    @pytest.mark.parametrize(
        "value",
        [
            "", "plain", "two words", "1", "007", "1s", "no", "NO", "~", "null", "a: b",
            "#", "- a", "\x1b", "line\nline", '"', "\\", "Müller", "a\u2028b", " a ",
            "1e5", "0x1", "0o7", ".inf", "=", "<<", "2026-01-01", "@", "`", "%", "!x",
        ],
    )  # fmt: skip
    def test_holds_any_text_as_text(self, value: str) -> None:
        job = {"a": value, "b": {value: [value, {"c": value}]}, "d": [1, True]}
        text = job_text(job)
        expected = "1s" if value == "1s" else value
        assert yaml.safe_load(text) == {
            "a": expected,
            "b": {expected: [expected, {"c": expected}]},
            "d": [1, True],
        }

    def test_quotes_only_what_looks_like_a_template(self) -> None:
        assert verbatim("{a}") == "{a}"
        assert verbatim("{{ a }}") == "{{ '{{ a }}' }}"
