"""Limits that no room's own tests reach; tests/docs/test_security.py lists the others.

What inputs cost is measured here: a limit that is checked too late is none.
"""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from batchfind.dicom import scalar
from batchfind.dicom.transfer_syntaxes import DEFLATED_LE, EXPLICIT_LE
from batchfind.errors import IdentifierDefect, JobError
from batchfind.sources import dictionaries
from batchfind.sources.identifiers import LARGEST, read_identifier
from batchfind.ul.decode import decode_associate_ac
from tests.ul import acceptor

MIB = 1 << 20


def peak(action: Callable[[], object]) -> int:
    """Bytes that Python held at most, beyond those it held before."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(mebibytes: int) -> bytes:
    """A deflated stream a thousandth as long as what it holds."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    parts = [stream.compress(bytes(MIB)) for _ in range(mebibytes)]
    return b"".join(parts) + stream.flush()


def refused(payload: bytes, syntax: str, kind: str) -> None:
    with pytest.raises(IdentifierDefect) as caught:
        scalar.decode(payload, syntax)
    assert caught.value.kind == kind


class TestAnIdentifier:
    def test_is_not_inflated_beyond_its_limit(self) -> None:
        stream = bomb(256)
        assert peak(lambda: refused(stream, DEFLATED_LE, "limit")) < 48 * MIB

    def test_is_not_nested_at_the_cost_of_memory(self) -> None:
        item = b"\x08\0\x10\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
        payload = item * (8 * MIB // len(item))
        assert peak(lambda: refused(payload, EXPLICIT_LE, "depth")) < MIB

    def test_of_many_elements_ends_at_the_limit(self) -> None:
        payload = b"\x10\0\x20\0LO\0\0" * (2 * MIB)
        assert peak(lambda: refused(payload, EXPLICIT_LE, "limit")) < 16 * MIB


class TestAnAccept:
    def test_of_unknown_items_costs_no_more_than_its_bytes(self) -> None:
        items = acceptor.item(0x7F, b"") * 12_000
        body = acceptor.associate_ac(
            acceptor.APPLICATION, acceptor.user(16_384, items), items[:16_000]
        )[6:]
        assert len(body) > 60_000
        assert peak(lambda: decode_associate_ac(body)) < 4 * MIB


class TestAFile:
    def test_larger_than_an_identifier_is_not_read_to_its_end(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "huge.dcm"
        with path.open("wb") as file:
            file.truncate(LARGEST * 64)

        def read() -> None:
            with pytest.raises(JobError, match="larger than 16 MiB"):
                read_identifier(path)

        assert peak(read) < 3 * LARGEST

    def test_of_a_dictionary_is_bounded(self, tmp_path: Path) -> None:
        (tmp_path / "huge.dic").write_bytes(b"#" * (dictionaries.LARGEST + 1))

        with pytest.raises(JobError, match="larger than 4 MiB"):
            dictionaries.read_dictionary(tmp_path / "huge.dic")
