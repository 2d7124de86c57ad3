from __future__ import annotations

import pytest

from batchfind.demo.announcement import Announcement, Served


class TestTheLine:
    def test_it_is_read_back_as_written(self) -> None:
        told = Announcement(Served(11112, "DEMOPACS"), Served(11113, "DEMORIS"))
        assert Announcement.from_json(told.to_json() + "\n") == told

    @pytest.mark.parametrize("line", ["", "{}", "[1]", '{"pacs": {"port": 1}}', "no"])
    def test_anything_else_is_refused(self, line: str) -> None:
        with pytest.raises(ValueError, match="not a demo announcement"):
            Announcement.from_json(line)
