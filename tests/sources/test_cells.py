"""Cells that look empty are empty."""

from __future__ import annotations

import pytest

from batchfind.sources.cells import cell_text


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "  \t",
        "\ufeff",
        "\u200b",
        " \u200b \u2060\u00a0",
        "\u3164",
        "\ufe0f",
        "\u2800",
    ],
)
def test_what_nobody_sees_is_blank(raw: str) -> None:
    assert cell_text(raw) == ""


@pytest.mark.parametrize(
    ("raw", "text"), [(" a ", "a"), ("a\u200bb", "a\u200bb"), ("a\nb", "a\nb")]
)
def test_what_is_seen_keeps_all_but_its_white_space(raw: str, text: str) -> None:
    assert cell_text(raw) == text


def test_a_control_character_is_no_blank() -> None:
    assert cell_text("\x07") == "\x07"
