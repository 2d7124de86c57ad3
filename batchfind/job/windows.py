"""The field `window` of a query: a date interval, its steps, and how it is split."""

from __future__ import annotations

from typing import Final

from batchfind.dicom.dictionary import STANDARD, Dictionary
from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath, parse_path
from batchfind.job.keys import read_path
from batchfind.job.model import Window
from batchfind.job.section import Section
from batchfind.job.splits import read_split

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
    split = read_split(window, known)
    if split is not None:
        _check_split(window, key, step)
        time_key = time_key or _pair(key, model)
    elif key is not None and time_key is None and step is not None and step < DAY:
        time_key = _paired_time(window, key, model)
    return Window(
        mark=query.mark("window"),
        key=key,
        time_key=time_key,
        start=window.scalar("from"),
        end=window.scalar("to"),
        step=step,
        split=split,
    )


def _check_split(window: Section, key: KeyPath | None, step: int | None) -> None:
    """Reports what an adaptive window cannot be."""
    if not window.has("key"):
        message = (
            "adaptive needs 'key', since its pieces are cut anew while the job runs;"
            " write the key there instead of {{ window }}"
        )
        window.error("split", message)
    if step is not None and step < DAY:
        message = (
            "under a day asks for every part of every day; remove it, since 'split:"
            " adaptive' cuts those days by time that need it"
        )
        window.error("step", message)
    if key is not None and key.vr == "DT" and window.has("time_key"):
        message = f"{key.dotted} holds the time itself; remove time_key"
        window.error("time_key", message)


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


def _pair(key: KeyPath | None, model: InformationModel | None) -> KeyPath | None:
    """The time that the model pairs with a date, or None."""
    pair = None if model is None or key is None else model.pair_of(key.dotted)
    return None if pair is None or pair.time is None else parse_path(pair.time)


def _paired_time(
    window: Section, key: KeyPath, model: InformationModel | None
) -> KeyPath | None:
    """The time that goes with a date, for steps within a day."""
    time = _pair(key, model)
    if time is None and key.vr == "DT":
        window.error("step", f"{key.dotted} is DT, which is cut by whole days only")
    elif time is None:
        message = f"under a day needs 'time_key', the time that goes with {key.dotted}"
        window.error("step", message)
    return time
