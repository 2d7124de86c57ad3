"""Words are told apart, and command lines refused, as DCMTK's findscu does."""

from __future__ import annotations

import re
import shlex
import string
import subprocess
from pathlib import Path

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from batchfind.errors import UsageError
from batchfind.findscu.call import Call
from batchfind.findscu.main import main
from batchfind.findscu.options import Table, read_table
from batchfind.findscu.parsing import parse
from batchfind.findscu.tokenizer import split_words, tokenize
from tests.findscu.command_lines import ACCEPTED, ANSWERED, REFUSED
from tests.peers.processes import require

FINDSCU = "/usr/bin/findscu"


def lines_of(text: str) -> list[str]:
    return text.strip().splitlines()


def essence(text: str) -> list[str]:
    """What a command line is refused for, and the words it was understood as."""
    return re.findall(r"^(?:error: |F: ).*|(?<=arguments:).*", text, re.MULTILINE)


def findscu(line: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    require(FINDSCU)
    return subprocess.run(
        [FINDSCU, *shlex.split(line)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.interop
class TestTheSameAsFindscu:
    @pytest.mark.parametrize("line", lines_of(REFUSED))
    def test_refuses(
        self, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        theirs = findscu(line, cwd=folder)
        assert theirs.returncode == 1, theirs.stderr
        assert essence(theirs.stderr)
        assert main(shlex.split(line)) == 1
        printed = capsys.readouterr()
        assert essence(printed.err) == essence(theirs.stderr)
        assert printed.out == ""

    @pytest.mark.parametrize("line", lines_of(ANSWERED))
    def test_answers(
        self, line: str, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        theirs = findscu(line, cwd=folder)
        assert theirs.returncode == main(shlex.split(line)) == 0
        ours = capsys.readouterr().out
        assert ("usage:" in ours) == ("usage:" in theirs.stdout)

    @pytest.mark.parametrize("line", lines_of(ACCEPTED))
    def test_accepts(self, line: str, folder: Path, table: Table) -> None:
        assert findscu(line, cwd=folder).returncode == 2
        assert isinstance(parse(shlex.split(line), table), Call)

    @pytest.mark.parametrize("line", lines_of(ACCEPTED))
    def test_takes_the_same_words_for_the_same(
        self, line: str, folder: Path, table: Table
    ) -> None:
        theirs = findscu(f"{line} --arguments", cwd=folder)
        words = tokenize([*shlex.split(line), "--arguments"], table).words
        shown = "".join(f" '{word}'" for word in words if word)  # no empty ones
        assert essence(theirs.stderr) == [f"{shown} "]


class TestTheRightmostOfAGroupCounts:
    """Where 3.6.7 does otherwise, later releases do as here."""

    def test_a_certificate_is_taken_back(self, table: Table) -> None:
        line = "localhost 1 -k a +tls key certificate +tla"
        call = parse(line.split(), table)
        assert isinstance(call, Call)
        assert call.tls is not None
        assert call.tls.key is call.tls.certificate is None

    @pytest.mark.parametrize(
        ("options", "check"), [("+crv +cra", "chain"), ("+cra +crv", "leaf")]
    )
    def test_so_is_the_check_of_a_chain(
        self, options: str, check: str, table: Table
    ) -> None:
        call = parse(f"localhost 1 -k a +tla {options}".split(), table)
        assert isinstance(call, Call)
        assert call.tls is not None
        assert call.tls.crl_check == check


class TestOptionsOfLaterReleases:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("--no-sni --request-sni x", "--no-sni not allowed with --request-sni"),
            (
                "+tla +pm +cs TLS_RSA_WITH_NULL_SHA",
                "--cipher not allowed with --profile-8996-mod",
            ),
            (
                "+pg",
                "--profile-8996 only allowed with --enable-tls or --anonymous-tls",
            ),
            (
                "+pa",
                "--profile-aes only allowed with --enable-tls or --anonymous-tls",
            ),
        ],
    )
    def test_refuse_what_does_not_go_together(
        self, line: str, message: str, table: Table
    ) -> None:
        with pytest.raises(UsageError, match=f"^{re.escape(message)}$"):
            parse(f"localhost 1 -k a {line}".split(), table)


class TestArgumentFiles:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("a b\tc\nd\r\ne", ["a", "b", "c", "d", "e"]),
            ('-k "PatientName=A B"', ["-k", "PatientName=A B"]),
            ("-k PatientName='A B'", ["-k", "PatientName=A B"]),
            ("\"a'b\" 'c\"d'", ["a'b", 'c"d']),
            ('"A B"C', ["A B", "C"]),
            ("a''b", ["a", "b"]),
            ("'' ''", []),
            ('"a\nb"', ["a\nb"]),
            ('"never closed ', ["never closed "]),
            ("a\\ b # c", ["a\\", "b", "#", "c"]),
            ("@other.txt", ["@other.txt"]),
        ],
    )
    def test_are_split_into_words(self, text: str, words: list[str]) -> None:
        assert list(split_words(text)) == words

    def test_stand_where_their_words_would(self, folder: Path, table: Table) -> None:
        (folder / "keys.txt").write_text("-k b -k c", "utf-8")
        line = tokenize(["-k", "a", "@keys.txt", "-k", "d"], table)
        assert line.every("--key") == ("a", "b", "c", "d")

    def test_keep_bytes_that_are_no_utf8(self, folder: Path, table: Table) -> None:
        (folder / "latin1.txt").write_bytes(b"-k PatientName=M\xfcller")
        line = tokenize(["@latin1.txt"], table)
        assert line.every("--key") == ("PatientName=M\udcfcller",)

    @pytest.mark.interop
    def test_are_split_as_findscu_splits_them(self, folder: Path) -> None:
        text = """a''b "c'd" '' x'y z'w "e""f" q'q'=1 \\' g' h "never closed """
        (folder / "words.txt").write_text(text, "utf-8")
        printed = findscu("localhost 1 -k a --arguments -k @words.txt", cwd=folder)
        words = "".join(f" '{word}'" for word in split_words(text))
        assert f"--arguments' '--key'{words} \n" in printed.stderr


_TABLE = read_table()
LETTERS = st.text(string.ascii_letters + string.digits + "+-=@*\\ '", max_size=6)


class TestAnyWords:
    @settings(deadline=None, max_examples=300)
    @given(st.lists(LETTERS.filter(lambda word: word[:1] != "@"), max_size=8))
    def test_are_all_kept_or_the_line_is_refused(self, words: list[str]) -> None:
        try:
            line = tokenize(words, _TABLE)
        except UsageError as refused:
            event(str(refused).partition(" option")[0])
            return
        taken = sum(1 + len(use.values) for use in line.uses)
        assert taken + len(line.parameters) == len(line.words) == len(words)

    @settings(deadline=None, max_examples=200)
    @given(st.data())
    def test_an_option_takes_them_whatever_they_look_like(
        self, data: st.DataObject
    ) -> None:
        option = data.draw(st.sampled_from(list(_TABLE)))
        count = len(option.takes)
        looks = st.one_of(LETTERS, st.sampled_from(["-v", "--help", "+tls", "-"]))
        values = data.draw(st.lists(looks, min_size=count, max_size=count))
        values = [value for value in values if value[:1] != "@"]
        if len(values) < count:
            return
        name = data.draw(st.sampled_from(option.names))
        line = tokenize([name, *values], _TABLE)
        assert [(use.option, use.values) for use in line.uses] == [
            (option, tuple(values))
        ]


@pytest.mark.interop
class TestFilesThatCannotBeWritten:
    @pytest.mark.parametrize(
        ("line", "code"),
        [("localhost 1 -k a -Xs '' -v", 2), ("localhost 1 -k a -X -od nofolder", 1)],
    )
    def test_are_found_before_connecting(
        self, line: str, code: int, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        theirs = findscu(line, cwd=folder)
        assert theirs.returncode == main(shlex.split(line)) == code
        assert capsys.readouterr().err == theirs.stderr

    def test_are_those_in_a_folder_that_is_not_ours(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.access", lambda path, mode: path == folder and not mode)
        assert main(["localhost", "1", "-k", "a", "-X"]) == 1
