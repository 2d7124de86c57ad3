"""The field `window` of a query: a date interval and its steps."""

from __future__ import annotations

from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.job.keys import read_path
from batchfind.job.model import Window
from batchfind.job.section import Section

DAY: Final = 86_400


def read_window(
    query: Section, model: InformationModel | None, known: Dictionary = STANDARD
) -> Window | None:
    """The window of a query; problems are reported."""
    if not query.has("window"):
        return None
    window = query.section("window")
    key = _typed_path(window, "key", {"DA", "DT"}, known)
    time_key = _typed_path(window, "time_key", {"TM"}, known)
    step = _step(window)
    if not window.has("from") and not window.has("to"):
        message = "a window needs 'from' or 'to'"
        window.report.error(window.node.mark, window.path, message)
    if time_key is not None and not window.has("key"):
        window.error("time_key", "belongs to 'key', which is missing")
    if key is not None and time_key is None and step is not None and step < DAY:
        time_key = _paired_time(window, key, model)
    return Window(
        mark=query.mark("window"),
        key=key,
        time_key=time_key,
        start=window.scalar("from"),
        end=window.scalar("to"),
        step=step,
    )


def _typed_path(
    window: Section, name: str, wanted: set[str], known: Dictionary
) -> KeyPath | None:
    path = read_path(window, name, known)
    if path is not None and path.vr not in wanted:
        kind = "a date" if "DA" in wanted else "a time"
        window.error(name, f"{path.dotted} is {path.vr}, but must be {kind}")
        return None
    return path


def _step(window: Section) -> int | None:
    length = window.durations("step").get("step")
    if length is None:
        return None
    step = int(length)
    whole_days = step >= DAY and step % DAY == 0
    part_of_day = 0 < step < DAY and DAY % step == 0
    if step != length or not (whole_days or part_of_day):
        window.error(
            "step", "must be whole days, or a part of 24 hours without remainder"
        )
        return None
    for name in ("from", "to"):
        if not window.has(name):
            message = f"needs '{name}', since an open interval has no end of steps"
            window.error("step", message)
    return step


def _paired_time(
    window: Section, key: KeyPath, model: InformationModel | None
) -> KeyPath | None:
    """The time that the model pairs with a date, for steps within a day."""
    pair = None if model is None else model.pair_of(key.dotted)
    if pair is None or pair.time is None:
        if key.vr == "DT":
            window.error("step", f"{key.dotted} is DT, which is cut by whole days only")
        else:
            message = (
                f"under a day needs 'time_key', the time that goes with {key.dotted}"
            )
            window.error("step", message)
        return None
    return parse_path(pair.time)
