from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.cli.text import (
    clean,
    clean_lines,
    count,
    duration,
    folded,
    labelled,
    shortened,
    size,
)


class TestClean:
    @given(st.text())
    def test_leaves_nothing_a_terminal_obeys(self, text: str) -> None:
        shown = clean(text)
        kinds = {unicodedata.category(character) for character in shown}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}

    @given(st.text(), st.integers(min_value=3, max_value=80))
    def test_is_never_longer_than_its_limit(self, text: str, limit: int) -> None:
        assert len(clean(text, limit)) <= limit

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("plain Müller 山田", "plain Müller 山田"),
            ("a\x1b[31mred", r"a\x1b[31mred"),
            ("line\r\nforged", "line forged"),
            ("right\u202eleft", r"right\u202eleft"),
            ("\ud800", r"\ud800"),
            ("\U000e0001", r"\U000e0001"),
            ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        ],
    )
    def test_shows_what_is_there(self, text: str, shown: str) -> None:
        assert clean(text) == shown

    def test_says_when_it_shortened(self) -> None:
        assert clean("abcdefgh", limit=6) == "abc..."

    def test_keeps_lines_apart_when_asked(self) -> None:
        assert clean_lines("one\x07\ntwo") == "one\\x07\ntwo"


class TestNumbers:
    @pytest.mark.parametrize(
        ("number", "noun", "text"),
        [
            (0, "request", "0 requests"),
            (1, "request", "1 request"),
            (2000, "request", "2,000 requests"),
            (2, "query", "2 queries"),
        ],
    )
    def test_a_count_agrees_with_its_noun(
        self, number: int, noun: str, text: str
    ) -> None:
        assert count(number, noun) == text

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0, "0.0 s"),
            (0.34, "0.3 s"),
            (9.96, "10 s"),
            (59.6, "1 min 0 s"),
            (200, "3 min 20 s"),
            (3899, "1 h 4 min"),
        ],
    )
    def test_a_duration_has_at_most_two_units(self, seconds: float, text: str) -> None:
        assert duration(seconds) == text

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (5 * 1024**3, "5.0 GiB"),
            (5000 * 1024**4, "5000.0 TiB"),
        ],
    )
    def test_a_size_has_a_binary_unit(self, number: int, text: str) -> None:
        assert size(number) == text


class TestShortened:
    @given(st.text(), st.integers(min_value=0, max_value=80))
    def test_is_never_wider_than_asked(self, text: str, width: int) -> None:
        assert len(shortened(text, width)) <= width or len(text) <= width

    @pytest.mark.parametrize(
        ("width", "shown"),
        [(10, "studies-ct"), (9, "stu...-ct"), (4, "s..."), (2, "..")],
    )
    def test_gives_up_the_middle(self, width: int, shown: str) -> None:
        assert shortened("studies-ct", width) == shown


class TestFolded:
    @given(st.lists(st.text("ab-/.", min_size=1, max_size=20), min_size=1))
    def test_breaks_between_words_only(self, words: list[str]) -> None:
        lines = folded(" ".join(words), 20).splitlines()
        assert " ".join(lines).split() == words
        assert all(len(line) <= 20 or len(line.split()) == 1 for line in lines)

    def test_leaves_short_lines_as_they_are(self) -> None:
        assert folded("  a  b\n\nc", 20) == "  a  b\n\nc"


class TestLabelled:
    def test_puts_a_long_value_whole_below(self) -> None:
        assert labelled("run:", "/a b", 9) == "run: /a b"
        assert labelled("run:", "/a b", 8) == "run:\n  /a b"


def test_a_command_is_never_broken() -> None:
    text = "go on: `batchfind resume RUN` asks it again, and nothing is lost"
    assert folded(text, 20).splitlines() == [
        "go on:",
        "  `batchfind resume RUN`",
        "  asks it again, and",
        "  nothing is lost",
    ]
