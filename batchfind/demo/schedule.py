"""The demo worklist: about 40 scheduled procedure steps around one day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from batchfind.demo.entity import Entity, Facts, stored
from batchfind.demo.fictional import (
    PATIENTS,
    PERFORMERS,
    PROCEDURES,
    REFERRERS,
    STEPS_BY_DAY,
    Patient,
    Procedure,
)

_FIRST_START: Final = time(7, 30)
_SLOT: Final = timedelta(minutes=35)


@dataclass(frozen=True, slots=True)
class _Step:
    """Who gets what, when; `number` counts the steps of the whole schedule."""

    number: int
    patient: Patient
    procedure: Procedure
    start: datetime

    @property
    def accession(self) -> str:
        return f"A{self.start:%y%m%d}{self.number:02d}"


def schedule(today: date) -> list[Entity]:
    """The steps of yesterday up to seven days ahead, in order of their start.

    Args:
        today: the day the schedule is built around.

    Returns:
        One entity a step, each with a Scheduled Procedure Step Sequence of one
        item; equal for equal days.

    Source: PS3.4 Table K.6-1.
    """
    steps: list[_Step] = []
    for offset, count in STEPS_BY_DAY.items():
        first = datetime.combine(today + timedelta(days=offset), _FIRST_START)
        for slot in range(count):
            number = len(steps)
            patient = PATIENTS[number % len(PATIENTS)]
            procedure = PROCEDURES[slot % len(PROCEDURES)]
            steps.append(_Step(number, patient, procedure, first + slot * _SLOT))
    return [Entity(stored(_facts(step)), step.patient.charset) for step in steps]


def _facts(step: _Step) -> Facts:
    patient, procedure = step.patient, step.procedure
    return {
        "AccessionNumber": step.accession,
        "ReferringPhysicianName": REFERRERS[step.number % len(REFERRERS)],
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": "DEMO",
        "PatientBirthDate": patient.birth_date,
        "PatientSex": patient.sex,
        "PatientWeight": "",
        "MedicalAlerts": "",
        "Allergies": "",
        "PregnancyStatus": "",
        "StudyInstanceUID": uid_of(step.accession),
        "RequestingPhysician": REFERRERS[step.number % len(REFERRERS)],
        "RequestedProcedureDescription": procedure.description,
        "RequestedProcedureCodeSequence": [_code(procedure)],
        "AdmissionID": f"V{step.number + 500}",
        "CurrentPatientLocation": "",
        "PatientState": "",
        "ScheduledProcedureStepSequence": [_item(step)],
        "RequestedProcedureID": f"R{step.number:03d}",
        "RequestedProcedurePriority": "HIGH" if step.number % 7 == 0 else "ROUTINE",
        "PatientTransportArrangements": "",
        "ConfidentialityConstraintOnPatientDataDescription": "",
    }


def _item(step: _Step) -> Facts:
    procedure = step.procedure
    return {
        "Modality": procedure.modality,
        "RequestedContrastAgent": "",
        "ScheduledStationAETitle": procedure.station,
        "ScheduledProcedureStepStartDate": f"{step.start:%Y%m%d}",
        "ScheduledProcedureStepStartTime": f"{step.start:%H%M%S}",
        "ScheduledPerformingPhysicianName": PERFORMERS[step.number % len(PERFORMERS)],
        "ScheduledProcedureStepDescription": procedure.description,
        "ScheduledProtocolCodeSequence": [_code(procedure)],
        "ScheduledProcedureStepID": f"S{step.number:03d}",
        "ScheduledStationName": procedure.station.replace("_", " "),
        "ScheduledProcedureStepLocation": procedure.station.partition("_")[2],
        "PreMedication": "",
        "ScheduledProcedureStepStatus": "SCHEDULED",
    }


def _code(procedure: Procedure) -> Facts:
    return {
        "CodeValue": procedure.code,
        "CodingSchemeDesignator": "99DEMO",
        "CodingSchemeVersion": "",
        "CodeMeaning": procedure.description,
    }


def uid_of(text: str) -> str:
    """A UID of 128 bits that depends on nothing but the text.

    Source: PS3.5 Section B.2.
    """
    digest = hashlib.sha256(text.encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16])}"
