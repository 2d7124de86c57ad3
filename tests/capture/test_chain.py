from __future__ import annotations

from dataclasses import replace

from batchfind.capture.chain import (
    LINK_BYTES,
    Asked,
    first_link,
    last_link,
    next_link,
)
from batchfind.capture.codec import pack
from tests.capture.material import matches

ASKED = Asked("0", "ab" * 32, "{}")
PACKED = pack(matches(b"one", b"two"))
START = first_link(1, 1, "{}", ASKED)


class TestLinks:
    def test_every_part_of_the_first_link_matters(self) -> None:
        links = {
            START,
            first_link(2, 1, "{}", ASKED),
            first_link(1, 2, "{}", ASKED),
            first_link(1, 1, None, ASKED),
            first_link(1, 1, "{}", ASKED._replace(request="1")),
            first_link(1, 1, "{}", ASKED._replace(key="cd" * 32)),
            first_link(1, 1, "{}", ASKED._replace(spec="[]")),
        }
        assert len(links) == 7

    def test_every_part_of_a_set_matters(self) -> None:
        links = {
            next_link(START, 0, 0, PACKED),
            next_link(bytes(32), 0, 0, PACKED),
            next_link(START, 1, 0, PACKED),
            next_link(START, 0, 1, PACKED),
            next_link(START, 0, 0, replace(PACKED, codec="zstd")),
            next_link(START, 0, 0, replace(PACKED, count=3)),
            next_link(START, 0, 0, replace(PACKED, raw_bytes=1)),
            next_link(START, 0, 0, replace(PACKED, payload=b"other")),
        }
        assert len(links) == 8

    def test_the_head_binds_the_ending(self) -> None:
        assert last_link(START, "{}") != last_link(START, "[]")
        assert len(last_link(START, "{}")) == LINK_BYTES
