"""What an information model says about a query's keys, whatever their values.

Values are looked at when the plan has rendered them.
"""

from __future__ import annotations

from batchfind.dicom.models import InformationModel
from batchfind.dicom.paths import KeyPath
from batchfind.job.levels import foreign_keys
from batchfind.job.model import KeyEntry
from batchfind.job.section import Section


def check_model(
    query: Section,
    model: InformationModel,
    level: str | None,
    paths: list[KeyPath],
    keys: tuple[KeyEntry, ...],
) -> None:
    """Reports keys of other levels, and a model's lack of a matching key.

    Source: PS3.4 Sections C.4.1.2.2.1 and CC.2.8.1.2.
    """
    foreign = foreign_keys(model, level, paths) if level else []
    if foreign:
        names = ", ".join(f"{keyword} ({owner})" for keyword, owner in foreign)
        message = (
            f"{names}: not a key at {level}, so a peer may ignore it or refuse the "
            "query (PS3.4 C.4.1.2.2.1)"
        )
        query.report.warning(query.mark("keys"), query.place("keys"), message)
    matching = any(scalar.text for entry in keys for scalar in entry.values)
    if model.needs_matching_key and not matching and not query.has("window"):
        _say_no_matching_key(query, model)


def _say_no_matching_key(query: Section, model: InformationModel) -> None:
    if query.has("files"):
        return
    message = (
        f"a query of {model.name} without a matching key answers nothing (PS3.4 "
        "CC.2.8.1.2); give one key a value"
    )
    mark, place = query.mark("keys"), query.place("keys")
    if query.text("lint") == "lenient":
        query.report.warning(mark, place, message)
    else:
        query.report.error(mark, place, f"{message}, or write 'lint: lenient'")
