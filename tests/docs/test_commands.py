"""docs/commands.md holds the help of every command, word for word.

After a change of the help, `REWRITE_DOCS=1 pytest tests/docs` writes it anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from batchfind.cli.group import COMMANDS
from batchfind.cli.main import batchfind
from batchfind.execution.results import ExitCode
from batchfind.findscu.options import read_table

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "commands.md"


def help_of(name: str) -> str:
    arguments = [name, "--help"]
    done = CliRunner().invoke(
        batchfind, arguments, prog_name="batchfind", terminal_width=78
    )
    assert done.exit_code == 0
    return done.output.rstrip()


def section(name: str) -> str:
    return f"## batchfind {name}\n\n```text\n{help_of(name)}\n```\n"


@pytest.fixture(scope="module")
def page() -> str:
    text = PAGE.read_text("utf-8")
    if "REWRITE_DOCS" in os.environ:
        head = text.partition("## batchfind ")[0]
        text = head + "\n".join(section(name) for name in COMMANDS)
        PAGE.write_text(text, "utf-8")
    return text


@pytest.fixture(scope="module")
def lines() -> list[str]:
    texts = [PAGE.parent.parent / "README.md", *DOCS.glob("*.md")]
    return [
        found
        for text in texts
        for found in re.findall(
            r"(?<![\w.])batchfind ([a-z]+(?: [^`|\n&;]*)?)", text.read_text("utf-8")
        )
    ]


class TestThePageOfCommands:
    @pytest.mark.parametrize("name", COMMANDS)
    def test_shows_the_help_as_it_is(self, name: str, page: str) -> None:
        assert section(name) in page

    def test_shows_no_other_command(self, page: str) -> None:
        assert re.findall(r"^## batchfind (.*)$", page, re.MULTILINE) == list(COMMANDS)

    def test_lists_every_command_at_its_top(self, page: str) -> None:
        head = page.partition("## Exit codes")[0]
        assert re.findall(r"\(#batchfind-(.*?)\)", head) == list(COMMANDS)

    def test_explains_every_exit_code(self, page: str) -> None:
        table = page.partition("## JSON")[0]
        codes = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
        assert codes == set(ExitCode)

    def test_help_fits_a_terminal(self) -> None:
        for name in COMMANDS:
            assert max(map(len, help_of(name).splitlines())) <= 80


class TestEveryCommandLineInTheDocs:
    """Commands and options that docs, README and examples name do exist."""

    def test_names_commands_and_options_that_exist(self, lines: list[str]) -> None:
        context = click.Context(batchfind)
        checked = 0
        for line in lines:
            name, *words = line.split()
            command = batchfind.get_command(context, name)
            if command is None:
                continue
            known = {
                option for each in command.get_params(context) for option in each.opts
            }
            if name == "findscu":  # which reads its words itself
                known |= set(read_table().by_name)
            asked = {word.partition("=")[0] for word in words if word[:2] == "--"}
            assert asked <= known, line
            checked += bool(asked)
        assert checked > 10
