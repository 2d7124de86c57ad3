"""Which keys of a worklist query stand in the scheduled step, and which beside it.

Peers do not look for an attribute in the wrong place, so a key there matches
nothing less than everything. Attributes that may stand in both places, and rare
ones, are in neither list and never complained about.

Source: PS3.4 Table K.6-1, PS3.3 Section C.4.10.
"""

from __future__ import annotations

from typing import Final

STEP: Final = "ScheduledProcedureStepSequence"
"""Keyword of the sequence whose item is the scheduled step."""

STEP_KEYS: Final = frozenset(
    {
        "CommentsOnTheScheduledProcedureStep",
        "Modality",
        "PreMedication",
        "RequestedContrastAgent",
        "ScheduledPerformingPhysicianIdentificationSequence",
        "ScheduledPerformingPhysicianName",
        "ScheduledProcedureStepDescription",
        "ScheduledProcedureStepEndDate",
        "ScheduledProcedureStepEndTime",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepLocation",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepStartTime",
        "ScheduledProcedureStepStatus",
        "ScheduledProtocolCodeSequence",
        "ScheduledStationAETitle",
        "ScheduledStationName",
    }
)
"""Keywords that mean something within the scheduled step alone."""

REQUEST_KEYS: Final = frozenset(
    {
        "AccessionNumber",
        "AdmissionID",
        "CurrentPatientLocation",
        "IssuerOfPatientID",
        "MedicalAlerts",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientID",
        "PatientName",
        "PatientSex",
        "ReferringPhysicianName",
        "RequestedProcedureCodeSequence",
        "RequestedProcedureDescription",
        "RequestedProcedureID",
        "RequestedProcedurePriority",
        "RequestingPhysician",
        "StudyInstanceUID",
    }
)
"""Keywords that mean something beside the scheduled step alone."""
