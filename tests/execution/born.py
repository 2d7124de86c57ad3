"""Archives and hierarchies that give rise to requests."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from batchfind.dicom.paths import parse_path
from batchfind.job.model import ResponseCap
from batchfind.plan.model import Plan
from tests.execution.growing_run import (
    Outcome,
    child_query,
    pattern,
)
from tests.execution.plans import peer, plan
from tests.peers import pdu, steps
from tests.peers.capped import CappedArchive, Study
from tests.peers.scripted import Request as Asked
from tests.peers.scripted import Step

AUTO = ResponseCap(auto=True)


def archive_of(seed: int, size: int, days: int = 9, **knobs: Any) -> CappedArchive:
    """Studies of January 2024, some without a time, half of them on one day."""
    chance = random.Random(seed)  # noqa: S311 - made-up data
    found = []
    for number in range(size):
        day = 1 if chance.random() < 0.5 else chance.randint(1, days)
        clock = f"{chance.randint(0, 86399):05d}"
        seconds = int(clock)
        time = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        time = "" if number % 40 == 0 else time
        found.append(Study(f"1.2.{seed}.{number + 1}", f"202401{day:02d}", time))
    return CappedArchive(studies=found, **knobs)


def uids(archive: CappedArchive) -> set[str]:
    return {study.uid for study in archive.studies}


def each_once(found: Outcome) -> None:
    """Every request that was born was asked to its end, and once."""
    assert {found.tries[one] for one in found.requests} <= {1}
    keys = Counter(one.key for one in found.requests.values())
    assert set(keys.values()) <= {1}


_LEVEL, _STUDY, _SERIES, _IMAGE = 0x00080052, 0x0020000D, 0x0020000E, 0x00080018


_UNIQUE = {"STUDY": _STUDY, "SERIES": _SERIES, "IMAGE": _IMAGE}


def hierarchy(asked: Asked) -> Sequence[Step]:
    """Three studies of two series of two images, and a study without a UID."""
    keys = {one.tag: one.value.decode().strip(" \0") for one in asked.elements}
    level = keys.pop(_LEVEL)
    names = ["1.1", "1.2", "1.3", ""] if level == "STUDY" else [".7", ".8"]
    above = {"STUDY": "", "SERIES": keys[_STUDY], "IMAGE": keys.get(_SERIES, "")}
    found = [above[level] + name for name in names]

    def build(_: Asked, number: int) -> bytes:
        values = {**keys, _UNIQUE[level]: found[number]}
        elements = [pdu.DataElement(_LEVEL, b"CS", pdu.text(level))]
        for tag in sorted(values.keys() & set(_UNIQUE.values())):
            value = pdu.text(values[tag], b"\0")
            elements.append(pdu.DataElement(tag, b"UI", value))
        return pdu.data_set(sorted(elements, key=lambda one: one.tag))

    return [steps.matches(len(found), build=build), steps.final()]


def chain(folder: Path, port: int, limit: int = 1000, most: int = 10_000) -> Plan:
    """Studies, the series of each, the images of each of those."""
    root = pattern("0.0", "studies", "pacs", "STUDY", StudyInstanceUID="")
    made = plan(folder, [peer("pacs", port)], [root], policy={"max_requests": most})
    series = pattern(
        "1.0", "series", "pacs", "SERIES", StudyInstanceUID="", SeriesInstanceUID=""
    )
    images = pattern(
        "2.0",
        "images",
        "pacs",
        "IMAGE",
        StudyInstanceUID="",
        SeriesInstanceUID="",
        SOPInstanceUID="",
    )
    both = {
        "StudyInstanceUID": "StudyInstanceUID",
        "SeriesInstanceUID": "SeriesInstanceUID",
    }
    uid = parse_path("StudyInstanceUID")
    return replace(
        made,
        queries={
            # A child may stand before its parent in a job.
            "images": child_query("images", "series", both, [images]),
            "studies": made.queries["studies"],
            "series": child_query(
                "series",
                "studies",
                {"StudyInstanceUID": "StudyInstanceUID"},
                [series],
                columns={"study": uid},
                limit=limit,
            ),
        },
    )


SERIES = {f"1.0.0.0.{n}" for n in range(3)}


IMAGES = {f"2.0.1.0.0.0.{n}.{m}" for n in range(3) for m in range(2)}
