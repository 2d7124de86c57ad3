"""The information models batchfind can query: one table.

Names are what a job writes after `model:`; any other FIND SOP Class is named by UID.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from batchfind.dicom.levels import (
    ARCHIVE_PAIRS,
    IMAGE,
    PATIENT,
    SERIES,
    STUDY,
    STUDY_ROOT,
    QueryLevel,
    WindowPair,
)
from batchfind.dicom.paths import KeyPath
from batchfind.dicom.worklist import REQUEST_KEYS, STEP, STEP_KEYS

__all__ = ["MODELS", "InformationModel", "QueryLevel", "WindowPair", "model_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationModel:
    """What is to be known about one FIND SOP Class.

    Attributes:
        name: in a job; the UID itself for models outside the table.
        uid: SOP Class UID, proposed as abstract syntax.
        title: for people.
        query_levels: from the top down; () for a model without levels.
        model_identity: identity of rows of a model without levels; () for none.
        row_sequence: keyword of the sequence whose items become rows, or None.
        row_keys: keywords that stand in an item of `row_sequence` only.
        root_keys: keywords that stand beside `row_sequence` only.
        window_pairs: date and time keys that a window may cut.
        default_window_key: dotted path of the date most queries cut, or None.
        needs_matching_key: a query of return keys alone answers nothing.
    """

    name: str
    uid: str
    title: str
    query_levels: tuple[QueryLevel, ...] = ()
    model_identity: tuple[str, ...] = ()
    row_sequence: str | None = None
    row_keys: frozenset[str] = frozenset()
    root_keys: frozenset[str] = frozenset()
    window_pairs: tuple[WindowPair, ...] = ()
    default_window_key: str | None = None
    needs_matching_key: bool = False

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the levels from the top down; () for a model without levels."""
        return tuple(level.name for level in self.query_levels)

    def level(self, name: str) -> QueryLevel:
        """One level; ValueError when this model does not have it."""
        for level in self.query_levels:
            if level.name == name:
                return level
        if not self.query_levels:
            raise ValueError(f"model {self.name} has no levels; leave out level")
        choices = ", ".join(self.levels)
        raise ValueError(f"model {self.name} has no level {name!r}; use {choices}")

    def unique_key(self, level: str) -> str:
        """Keyword of a level's unique key; ValueError for an unknown level."""
        return self.level(level).unique

    def identity(self, level: str | None) -> tuple[str, ...]:
        """Dotted paths that tell rows apart; () when the standard names none."""
        return self.level(level).identity if level else self.model_identity

    def upper_levels(self, level: str) -> tuple[QueryLevel, ...]:
        """The levels above one, from the top down.

        A hierarchical query needs a single value for each one's unique key.
        """
        return self.query_levels[: self.query_levels.index(self.level(level))]

    def level_of_key(self, keyword: str) -> str | None:
        """The level a root keyword belongs to; None when unknown or at none."""
        for level in self.query_levels:
            if keyword in level.keys:
                return level.name
        return None

    def place_of(self, path: KeyPath) -> str | None:
        """Where a key has to stand instead, as a dotted path; None when it is right.

        Source: PS3.4 Section K.6.1.2.
        """
        match path.names:
            case (root, *_) if root in self.row_keys:
                return f"{self.row_sequence}.{path.dotted}"
            case (sequence, inner, *rest) if sequence == self.row_sequence:
                return ".".join((inner, *rest)) if inner in self.root_keys else None
            case _:
                return None

    def pair_of(self, date: str) -> WindowPair | None:
        """The window pair of a date key's dotted path, or None."""
        for pair in self.window_pairs:
            if pair.date == date:
                return pair
        return None


_UPS_PAIRS = (
    WindowPair("ScheduledProcedureStepStartDateTime", None),
    WindowPair("ExpectedCompletionDateTime", None),
    WindowPair("ScheduledProcedureStepModificationDateTime", None),
    WindowPair("ScheduledProcedureStepExpirationDateTime", None),
)
_INSTANCE = ("SOPInstanceUID",)


def _archive(name: str, uid: str, title: str, *levels: QueryLevel) -> InformationModel:
    return InformationModel(
        name=name,
        uid=uid,
        title=title,
        query_levels=levels,
        window_pairs=ARCHIVE_PAIRS,
        default_window_key="StudyDate",
    )


def _ups(name: str, uid: str, title: str) -> InformationModel:
    return InformationModel(
        name=name,
        uid=uid,
        title=title,
        model_identity=_INSTANCE,
        window_pairs=_UPS_PAIRS,
        default_window_key="ScheduledProcedureStepStartDateTime",
        needs_matching_key=True,
    )


def _flat(
    name: str, uid: str, title: str, identity: tuple[str, ...] = ()
) -> InformationModel:
    return InformationModel(name=name, uid=uid, title=title, model_identity=identity)


_TABLE = (
    InformationModel(
        name="worklist",
        uid="1.2.840.10008.5.1.4.31",
        title="Modality Worklist",
        model_identity=(
            "StudyInstanceUID",
            "RequestedProcedureID",
            f"{STEP}.ScheduledProcedureStepID",
        ),
        row_sequence=STEP,
        row_keys=STEP_KEYS,
        root_keys=REQUEST_KEYS,
        window_pairs=(
            WindowPair(
                f"{STEP}.ScheduledProcedureStepStartDate",
                f"{STEP}.ScheduledProcedureStepStartTime",
            ),
            WindowPair("PatientBirthDate", "PatientBirthTime"),
        ),
        default_window_key=f"{STEP}.ScheduledProcedureStepStartDate",
    ),
    _archive(
        "patient",
        "1.2.840.10008.5.1.4.1.2.1.1",
        "Patient Root Query/Retrieve",
        PATIENT,
        STUDY,
        SERIES,
        IMAGE,
    ),
    _archive(
        "study",
        "1.2.840.10008.5.1.4.1.2.2.1",
        "Study Root Query/Retrieve",
        STUDY_ROOT,
        SERIES,
        IMAGE,
    ),
    _archive(
        "patient-study",
        "1.2.840.10008.5.1.4.1.2.3.1",
        "Patient/Study Only Query/Retrieve (retired)",
        PATIENT,
        STUDY,
    ),
    _ups("ups-pull", "1.2.840.10008.5.1.4.34.6.3", "Unified Procedure Step Pull"),
    _ups("ups-watch", "1.2.840.10008.5.1.4.34.6.2", "Unified Procedure Step Watch"),
    _ups("ups-query", "1.2.840.10008.5.1.4.34.6.5", "Unified Procedure Step Query"),
    InformationModel(
        name="hanging-protocol",
        uid="1.2.840.10008.5.1.4.38.2",
        title="Hanging Protocol",
        model_identity=_INSTANCE,
        window_pairs=(WindowPair("HangingProtocolCreationDateTime", None),),
        default_window_key="HangingProtocolCreationDateTime",
    ),
    _flat("color-palette", "1.2.840.10008.5.1.4.39.2", "Color Palette", _INSTANCE),
    _flat(
        "relevant-patient-general",
        "1.2.840.10008.5.1.4.37.1",
        "General Relevant Patient Information",
        ("PatientID",),
    ),
    _flat(
        "relevant-patient-breast",
        "1.2.840.10008.5.1.4.37.2",
        "Breast Imaging Relevant Patient Information",
        ("PatientID",),
    ),
    _flat(
        "relevant-patient-cardiac",
        "1.2.840.10008.5.1.4.37.3",
        "Cardiac Relevant Patient Information",
        ("PatientID",),
    ),
    _flat(
        "implant-generic",
        "1.2.840.10008.5.1.4.43.2",
        "Generic Implant Template",
        _INSTANCE,
    ),
    _flat(
        "implant-assembly",
        "1.2.840.10008.5.1.4.44.2",
        "Implant Assembly Template",
        _INSTANCE,
    ),
    _flat(
        "implant-group",
        "1.2.840.10008.5.1.4.45.2",
        "Implant Template Group",
        _INSTANCE,
    ),
    _flat(
        "protocol-defined",
        "1.2.840.10008.5.1.4.20.1",
        "Defined Procedure Protocol",
        _INSTANCE,
    ),
    _flat(
        "protocol-approval",
        "1.2.840.10008.5.1.4.1.1.200.4",
        "Protocol Approval",
        _INSTANCE,
    ),
    _flat("substance-approval", "1.2.840.10008.5.1.4.42", "Substance Approval"),
    _flat(
        "substance-administration",
        "1.2.840.10008.5.1.4.41",
        "Product Characteristics (substance administration)",
    ),
    _flat("inventory", "1.2.840.10008.5.1.4.1.1.201.2", "Inventory", _INSTANCE),
    _flat(
        "repository",
        "1.2.840.10008.5.1.4.1.1.201.6",
        "Repository Query",
        ("RecordKey",),
    ),
)

MODELS = {model.name: model for model in _TABLE}
"""Every information model by the name a job uses."""

_BY_UID = {model.uid: model for model in _TABLE}
_UID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")


def model_of(text: str) -> InformationModel:
    """The information model of a name or SOP Class UID.

    Args:
        text: a name of the table, or any UID of at most 64 characters.

    Returns:
        The model; for a UID outside the table one without levels and identity,
        named by its UID.

    Raises:
        ValueError: for anything else, with the name probably meant.

    Source: PS3.4 Sections C.6, K.6, CC.2, U.6, X.6, BB.6, HH.6, II.6, PS3.6 Annex A.
    """
    known = MODELS.get(text) or _BY_UID.get(text)
    if known is not None:
        return known
    if _UID.fullmatch(text) and len(text) <= 64:
        return InformationModel(name=text, uid=text, title=f"SOP Class {text}")
    near = get_close_matches(text.lower(), MODELS, n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    choices = "" if near else f"; use {', '.join(MODELS)} or a UID"
    raise ValueError(f"unknown information model {text!r}{choices}{meant}")
