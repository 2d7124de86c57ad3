"""Names that come from peers stay inside the directory."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.outputs.child_names import ChildNames, safe_child
from batchfind.outputs.partition_names import (
    DEFAULT_PARTITION,
    folder_name,
    is_cut,
    period_of,
    values_of,
)

HOSTILE = [
    "..",
    "../x",
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../b",
    "\\\\server\\share",
    "C:\\x",
    "CON",
    "con.dcm",
    "NUL.tar.gz",
    "COM1",
    "lpt9.txt",
    "aux ",
    "a\0b",
    "a\nb",
    "trailing.",
    "trailing ",
    ".hidden",
    "_hidden",
    "x" * 300,
    "é" * 300,
    "",
    "/",
    "\ud800",
    "a\u202eb",
]


def is_safe(name: str) -> bool:
    parts = name.split("/")
    return all(
        part not in {"", ".", ".."}
        and part[0] not in "._"
        and part[-1] not in ". "
        and len(part.encode()) <= 255
        and part.isprintable()
        and not set(part) & set('<>:"\\|?*')
        and part.partition(".")[0].casefold() not in {"con", "nul", "com1", "lpt9"}
        for part in parts
    )


class TestChildren:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_of_hostile_names_stay_inside(self, name: str) -> None:
        safe = safe_child(name)
        assert is_safe(safe)
        assert not PurePosixPath(safe).is_absolute()

    @given(st.text(max_size=400))
    def test_of_any_name_stay_inside(self, name: str) -> None:
        assert is_safe(safe_child(name))

    @given(st.text(max_size=400))
    def test_that_are_safe_stay_as_they_are(self, name: str) -> None:
        assert safe_child(safe_child(name)) == safe_child(name)

    def test_keep_their_suffix_when_they_are_cut(self) -> None:
        assert safe_child("x" * 300 + ".dcm").endswith(".dcm")
        assert safe_child("x" * 300 + "1.dcm") != safe_child("x" * 300 + "2.dcm")


class TestClaims:
    @pytest.mark.parametrize(
        "other",
        ["a.dcm", "A.DCM", "A.dcm"],
    )
    def test_keep_names_apart_that_a_file_system_takes_for_one(
        self, other: str
    ) -> None:
        names = ChildNames()
        assert names.claim("a.dcm") == "a.dcm"
        assert names.claim(other).casefold() == "a-2.dcm"

    def test_keep_composed_and_decomposed_accents_apart(self) -> None:
        names = ChildNames()
        one = names.claim("Müller.dcm")
        assert names.claim(unicodedata.normalize("NFD", "Müller.dcm")) != one

    def test_keep_files_and_folders_apart(self) -> None:
        names = ChildNames()
        assert names.claim("a") == "a"
        assert names.claim("a/b") == "a-2/b"
        assert names.claim("a-2") == "a-2-2"

    def test_put_a_mark_before_the_suffix(self) -> None:
        assert ChildNames().claim("f/part-0.csv", "run-7") == "f/part-0-run-7.csv"


class TestPartitionFolders:
    @pytest.mark.parametrize("value", HOSTILE)
    def test_of_hostile_values_are_one_safe_part(self, value: str) -> None:
        name = folder_name("key", value)
        assert "/" not in name
        assert safe_child(name) == name

    @given(st.text(max_size=40))
    def test_read_back_to_their_value(self, value: str) -> None:
        safe = value.encode("utf-8", "ignore").decode()
        name = folder_name("key", safe)
        if not is_cut("key", safe):
            assert values_of(name) == (safe or None,)

    def test_of_absent_and_empty_values_are_hive_s_default(self) -> None:
        for value in (None, ""):
            assert folder_name("k", value) == f"k={DEFAULT_PARTITION}"
        assert values_of(f"k={DEFAULT_PARTITION}/l=x") == (None, "x")

    def test_of_long_values_are_cut_and_stay_different(self) -> None:
        one, other = ("x" * 300 + end for end in "12")
        assert is_cut("key", one)
        assert folder_name("key", one) != folder_name("key", other)
        assert len(folder_name("key", one).encode()) <= 200

    @pytest.mark.parametrize(
        ("text", "by", "period"),
        [
            ("20260131", "year", "2026"),
            ("20260131", "month", "2026-01"),
            ("20260131", "day", "2026-01-31"),
            ("2026-01-31", "month", "2026-01"),
            ("2026.01.31", "month", "2026-01"),
            ("20261331", "month", None),
            ("../../x", "month", None),
            ("", "day", None),
            (None, "day", None),
        ],
    )
    def test_of_dates_are_periods(
        self, text: str | None, by: str, period: str | None
    ) -> None:
        assert period_of(text, by) == period
