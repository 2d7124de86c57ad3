"""Requests that are stored while the run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from batchfind.capture.journal import Journal
from batchfind.capture.reader import open_capture
from batchfind.dicom.identifier import Element
from batchfind.errors import LocalProtocolError, StorageError
from batchfind.job.transport_model import Asked
from batchfind.plan.codec import request_from_json
from batchfind.plan.model import Extent, Origin, Piecing, Request, SourceRow
from tests.capture.material import FACTS, plan, request, success


def born(identity: str, parent: str, **changes: Any) -> Request:
    return replace(request(identity), origin=Origin.SPLIT, parent=parent, **changes)


def journalled(path: Path, work: Callable[[Journal], Awaitable[None]]) -> None:
    """Does something with the journal of a capture, a new one where there is none."""
    new = not path.exists()

    async def run() -> None:
        opening = Journal.create(path, {}, plan("0.0")) if new else Journal.reopen(path)
        journal = await opening
        try:
            await work(journal)
        finally:
            await journal.close()

    asyncio.run(run(), debug=True)


def stored(path: Path) -> list[Request]:
    with open_capture(path) as capture:
        assert capture.verify() == []
        return [request_from_json(one.spec) for one in capture.requests(born=True)]


class TestGrow:
    def test_requests_are_read_back_as_they_were(self, tmp_path: Path) -> None:
        items = ((Element(0x0040_0001, "AE", "CT1"),),)
        child = born(
            "0.0.0",
            "0.0",
            identifier=(
                Element(0x0008_0020, "DA", "20240101"),
                Element(0x0009_1001, "UN", b"\x00\xff"),
                Element(0x0010_0010, "PN", "Müster^Ä\ud800*"),
                Element(0x0040_0100, "SQ", items),
            ),
            bindings={"site": "nörd"},
            source_rows=(SourceRow("rows.csv", 2, {"uid": "1.2"}),),
            negotiation={"empty_value": Asked.REQUIRE},
            family="0.0",
            extent=Extent(first="20240101", last="20240101", by=Piecing.DATE),
        )
        grandchild = born("0.0.0.1", "0.0.0")
        path = tmp_path / "run.db"

        async def grow(journal: Journal) -> None:
            await journal.grow([child, grandchild])

        journalled(path, grow)
        assert stored(path) == [child, grandchild]
        with open_capture(path) as capture:
            assert [one.id for one in capture.requests()] == ["0.0", "0.0.0", "0.0.0.1"]
            assert capture.requests(born=True)[0].parent == "0.0"
            assert capture.requests(born=True)[0].origin == "split"

    def test_attempts_may_begin_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "run.db"

        async def grow(journal: Journal) -> None:
            journal.grow([born("0.0.0", "0.0")])
            attempt = journal.begin("0.0.0", FACTS)
            await journal.end(attempt, success())

        journalled(path, grow)
        with open_capture(path) as capture:
            assert capture.verify() == []
            assert len(capture.attempts("0.0.0")) == 1

    def test_again_changes_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "run.db"
        first, second = born("0.0.0", "0.0"), born("0.0.1", "0.0")

        async def grow(journal: Journal) -> None:
            await journal.grow([first])
            await journal.grow([first, second])

        journalled(path, grow)
        journalled(path, grow)
        assert stored(path) == [first, second]

    @pytest.mark.parametrize("identity", ["0.0", "0.0.0"])
    def test_another_request_of_the_same_id_is_refused(
        self, tmp_path: Path, identity: str
    ) -> None:
        path = tmp_path / "run.db"

        async def grow(journal: Journal) -> None:
            await journal.grow([born("0.0.0", "0.0")])

        async def grow_another(journal: Journal) -> None:
            with pytest.raises(StorageError, match=f"another request {identity}"):
                journal.grow([born(identity, "0.0", key="ab" * 32)])
            await journal.barrier()

        journalled(path, grow)
        journalled(path, grow_another)
        assert stored(path) == [born("0.0.0", "0.0")]

    def test_one_that_was_never_born_cannot_be_asked(self, tmp_path: Path) -> None:
        async def begin(journal: Journal) -> None:
            with pytest.raises(LocalProtocolError, match=r"0\.0\.7"):
                journal.begin("0.0.7", None)

        journalled(tmp_path / "run.db", begin)

    def test_a_damaged_request_is_told(self) -> None:
        with pytest.raises(StorageError, match="a stored request is damaged"):
            request_from_json({"id": "0.0"})
