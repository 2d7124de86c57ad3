"""`batchfind findscu` says about itself what findscu says, from the same table."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from batchfind import __version__
from batchfind.dicom.tls import PROFILES
from batchfind.findscu.help import help_text
from batchfind.findscu.main import main
from batchfind.findscu.options import Table
from tests.peers.processes import require

FINDSCU = "/usr/bin/findscu"


class TestHelp:
    def test_lists_every_option_with_its_arguments(self, table: Table) -> None:
        text = help_text(table)
        for option in table:
            pattern = rf"^ +{re.escape(option.short)} +{option.long} "
            assert len(re.findall(pattern, text, re.MULTILINE)) == 1, option.long
            for argument in option.takes:
                assert argument.name in text

    def test_fits_a_terminal(self, table: Table) -> None:
        assert max(map(len, help_text(table).splitlines())) <= 80

    @pytest.mark.interop
    def test_has_findscus_layout(self, table: Table) -> None:
        require(FINDSCU)
        done = subprocess.run(
            [FINDSCU, "--help"], capture_output=True, text=True, check=True
        )
        theirs = re.findall(r"^ +(?:[-+]\S+)? +--\S+", done.stdout, re.MULTILINE)
        headings = re.findall(r"^ *[A-Za-z].*:$", done.stdout, re.MULTILINE)
        ours = help_text(table).splitlines()
        for line in theirs:
            assert any(one.startswith(line) for one in ours), line
        for heading in headings:
            assert heading in ours

    @pytest.mark.parametrize("words", [[], ["-h"], ["--help"], ["x", "--help"]])
    def test_goes_to_stdout(
        self, words: list[str], table: Table, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(words) == 0
        assert capsys.readouterr() == (f"{help_text(table)}\n", "")

    def test_comes_without_what_asks_peers(self) -> None:
        code = (
            "import sys\n"
            "from batchfind.cli.main import execute\n"
            "assert execute(['findscu', '--help']) == 0\n"
            "slow = {'asyncio', 'pydicom', 'pynetdicom', 'pyarrow', 'jinja2', 'ssl'}\n"
            "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


class TestTheOtherTexts:
    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["--version"]) == 0
        assert f"batchfind findscu {__version__}" in capsys.readouterr().out

    def test_profiles(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["+ph"]) == 0
        listed = capsys.readouterr().out.partition("profiles are:\n")[2]
        assert [line.split()[0] for line in listed.splitlines()] == list(PROFILES)

    @pytest.mark.interop
    def test_ciphers_include_findscus(self, capsys: pytest.CaptureFixture[str]) -> None:
        require(FINDSCU)
        assert main(["+cc"]) == 0
        ours = set(re.findall(r"^  (TLS_\w+)$", capsys.readouterr().out, re.MULTILINE))
        done = subprocess.run([FINDSCU, "+cc"], capture_output=True, check=True)
        theirs = set(re.findall(r"^  (TLS_\w+)$", done.stdout.decode(), re.MULTILINE))
        assert len(theirs) > 30
        assert theirs <= ours


class TestArguments:
    def test_are_shown_spelt_out_without_a_password(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        line = "--arguments -q a 1 -k b +tls k c +pw hidden -pdu 1"
        assert main(line.split()) == 1
        (shown, *_) = capsys.readouterr().err.splitlines()
        assert shown.startswith("I: calling 'batchfind findscu' with 13 arguments: ")
        assert shown.endswith("'--use-passwd' '***' '--max-pdu' '1' ")
