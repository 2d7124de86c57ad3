"""Random studies of two months, and jobs that ask a capping archive for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.peers.capped import Study

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 2)
DAYS = tuple(
    f"{FIRST + timedelta(days=number):%Y%m%d}"
    for number in range((LAST - FIRST).days + 1)
)
BUSY = "20260114"
MIDNIGHT = ("235959.7", "235959", "0000", "000000", "00", "00:00:00", "000000.1")
MODALITIES = ("CT", "MR", "US")
FORMS = (
    "{h:02}{m:02}{s:02}",
    "{h:02}{m:02}{s:02}.{f:03}",
    "{h:02}{m:02}{s:02}.{f:03}210",
    "{h:02}:{m:02}:{s:02}",
    "{h:02}{m:02}",
    "{h:02}",
)
UID_ROOT = "1.2.826.0.1.3680043.10.1505.9"


def two_months(
    count: int, *, busy: int = 0, seed: int = 6, untimed: bool = True
) -> list[Study]:
    """Studies in no order, with times in every form in use.

    Args:
        count: how many.
        busy: how many of them are on one day, `BUSY`.
        seed: of everything random.
        untimed: each day has one study without a time.
    """
    random = Random(seed)  # noqa: S311 - no secrets
    when = [(day, "") for day in DAYS if untimed]
    when += [(day, MIDNIGHT[number % 7]) for number, day in enumerate(DAYS)]
    when += [(BUSY, time) for time in MIDNIGHT]
    held = sum(day == BUSY for day, _ in when)
    when += [(BUSY, _time(random)) for _ in range(busy - held)]
    others = [day for day in DAYS if day != BUSY]
    when += [(random.choice(others), _time(random)) for _ in range(count - len(when))]
    random.shuffle(when)
    return [
        Study(f"{UID_ROOT}.{number}", day, time, random.choice(MODALITIES))
        for number, (day, time) in enumerate(when)
    ]


def _time(random: Random) -> str:
    second = random.randrange(86400)
    return random.choice(FORMS).format(
        h=second // 3600,
        m=second // 60 % 60,
        s=second % 60,
        f=random.randrange(1000),
    )


def write_job(
    folder: Path,
    port: int,
    *,
    peer: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    window: Mapping[str, Any] | None = None,
    outputs: Sequence[Mapping[str, Any]] | None = None,
    **query: Any,
) -> Path:
    """A job for the studies of those months; one CSV by default.

    Args:
        folder: of the job.
        port: of the archive.
        peer: further fields of the peer.
        limits: of the peer, beside those it has.
        window: what differs from an adaptive one down to a second.
        outputs: of the job.
        query: further fields of the query.
    """
    days = {"key": "StudyDate", "from": f"{FIRST}", "to": f"{LAST}"}
    cut = {"time_key": "StudyTime", "split": "adaptive", "floor": "1s"}
    job = {
        "version": 1,
        "name": "two-months",
        "timezone": "Europe/Berlin",
        "peers": {
            "pacs": {
                "host": "127.0.0.1",
                "port": port,
                "called_ae": "PACS",
                "limits": {"associations": 2, **(limits or {})},
                **(peer or {}),
            }
        },
        "queries": {
            "studies": {
                "model": "study",
                "level": "STUDY",
                "keys": {"PatientID": "", "StudyTime": "", "ModalitiesInStudy": ""},
                "window": {**days, **cut, **(window or {})},
                **query,
            }
        },
        "outputs": [*(outputs or [{"format": "csv", "path": "studies.csv"}])],
    }
    path = folder / "job.yaml"
    path.write_text(json.dumps(job), "utf-8")
    return path
