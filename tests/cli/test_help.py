from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from batchfind import __version__
from batchfind.cli.group import COMMANDS
from batchfind.cli.main import batchfind, execute

ROOT = Path(__file__).parents[2]

OWN = [name for name in COMMANDS if name != "findscu"]  # its help is findscu's own


def command(name: str) -> click.Command:
    found = batchfind.get_command(click.Context(batchfind), name)
    assert found is not None
    return found


class TestTheHelp:
    def test_lists_every_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert execute(["--help"]) == 0
        shown = capsys.readouterr().out
        for name, entry in COMMANDS.items():
            assert f"  {name}" in shown
            assert entry.summary in shown

    @pytest.mark.parametrize("name", OWN)
    def test_of_each_command_has_examples(
        self, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute([name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert f"Usage: batchfind {name}" in shown
        assert f"  Examples:\n    batchfind {name}" in shown

    @pytest.mark.parametrize("name", COMMANDS)
    def test_of_each_option_says_what_it_does(self, name: str) -> None:
        for parameter in command(name).params:
            if isinstance(parameter, click.Option):
                assert parameter.help

    @pytest.mark.parametrize("name", OWN)
    def test_a_command_bears_its_name_and_has_debug(self, name: str) -> None:
        found = command(name)
        assert found.name == name
        assert "--debug" in {
            option for parameter in found.params for option in parameter.opts
        }

    def test_version_is_the_packages(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert execute(["--version"]) == 0
        assert capsys.readouterr().out == f"batchfind, version {__version__}\n"

    def test_an_unknown_name_is_no_command(self) -> None:
        assert batchfind.get_command(click.Context(batchfind), "nonsense") is None


class TestCompletion:
    def test_of_bash_offers_the_commands(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "batchfind"],
            check=True,
            capture_output=True,
            text=True,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "_BATCHFIND_COMPLETE": "bash_complete",
                "COMP_WORDS": "batchfind re",
                "COMP_CWORD": "1",
            },
        )
        assert done.stdout == "plain,resume\n"
