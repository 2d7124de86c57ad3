"""Invented studies of the first quarter of 2025, as many as wanted.

Enough of them stand for an archive whose answers outgrow its limits: one day has a
third of all studies, and some studies have no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from batchfind.demo.entity import Entity, Facts, stored
from batchfind.demo.fictional import PATIENTS, PROCEDURES, REFERRERS
from batchfind.demo.schedule import uid_of

FIRST_DAY: Final = date(2025, 1, 1)
BUSY_DAY: Final = date(2025, 2, 12)
_DAYS: Final = 90
_TIMELESS: Final = 20  # one study of so many has no time
_INSTANCES: Final = 2
_OPENING: Final = 7 * 60  # minutes after midnight
_OPEN: Final = 12 * 60
_STORAGE: Final = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
}


def instances(studies: int) -> Iterator[Entity]:
    """The instances of so many studies, study by study.

    Args:
        studies: 0 or more; a study is the same whatever the number is.

    Returns:
        One entity an instance, with the attributes of all four levels.
    """
    for number in range(studies):
        patient = PATIENTS[number % len(PATIENTS)]
        for series in range(1, 2 + number % 2):
            for instance in range(1, _INSTANCES + 1):
                facts = _facts(number, series, instance)
                yield Entity(stored(facts), patient.charset)


def _facts(number: int, series: int, instance: int) -> Facts:
    patient = PATIENTS[number % len(PATIENTS)]
    procedure = PROCEDURES[number % len(PROCEDURES)]
    day = _day(number)
    study = f"invented study {number}"
    return {
        "PatientName": patient.name,
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": "DEMO",
        "PatientBirthDate": patient.birth_date,
        "PatientSex": patient.sex,
        "StudyDate": f"{day:%Y%m%d}",
        "StudyTime": _time(number),
        "AccessionNumber": f"B{number:05d}",
        "ReferringPhysicianName": REFERRERS[number % len(REFERRERS)],
        "StudyDescription": procedure.description,
        "StudyInstanceUID": uid_of(study),
        "StudyID": str(number),
        "SeriesDate": f"{day:%Y%m%d}",
        "Modality": procedure.modality,
        "StationName": procedure.station,
        "SeriesDescription": f"{procedure.description}, part {series}",
        "BodyPartExamined": procedure.body_part,
        "SeriesInstanceUID": uid_of(f"{study} {series}"),
        "SeriesNumber": str(series),
        "SOPClassUID": _STORAGE[procedure.modality],
        "SOPInstanceUID": uid_of(f"{study} {series} {instance}"),
        "InstanceNumber": str(instance),
    }


def _day(number: int) -> date:
    if number % 3 == 0:
        return BUSY_DAY
    return FIRST_DAY + timedelta(days=(number - number // 3) % _DAYS)


def _time(number: int) -> str:
    """Times in the precisions archives hold: none, minutes, seconds, fractions."""
    if number % _TIMELESS == 0:
        return ""
    minutes = _OPENING + number * 37 % _OPEN
    seconds = ("", f"{number % 60:02d}", f"{number % 60:02d}.5")[number % 7 % 3]
    return f"{minutes // 60:02d}{minutes % 60:02d}{seconds}"
