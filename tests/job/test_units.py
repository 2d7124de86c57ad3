"""Durations and byte counts."""

from __future__ import annotations

import pytest

from batchfind.job.units import seconds, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", 0.5),
        ("0s", 0.0),
        ("15s", 15.0),
        ("5m", 300.0),
        ("1h", 3600.0),
        ("2d", 172800.0),
        ("none", None),
    ],
)
def test_a_duration_is_seconds(text: str, expected: float | None) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "5S", "1h30m", "1.5s", "None"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write 500ms"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("16384", 16384),
        ("64KiB", 65536),
        ("16 MiB", 1 << 24),
        ("1GiB", 1 << 30),
    ],
)
def test_a_size_is_bytes(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "1GB", "1kib", "-1", "1.5MiB"])
def test_anything_else_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no byte count; write 16384"):
        size(text)
