"""People, procedures and stations of the demo worklist. All of them are invented."""

# Names stand in their own scripts, look-alike letters included.
# ruff: noqa: RUF001

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient and the character sets the name needs."""

    patient_id: str
    name: str
    sex: str
    birth_date: str
    charset: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Procedure:
    """What is scheduled: modality, station and words for it."""

    modality: str
    station: str
    code: str
    description: str
    body_part: str


_LATIN_1: Final = ("ISO_IR 100",)
_CYRILLIC: Final = ("ISO_IR 144",)
_GREEK: Final = ("ISO_IR 126",)
_JAPANESE: Final = ("", "ISO 2022 IR 87")
_KOREAN: Final = ("", "ISO 2022 IR 149")
_CHINESE: Final = ("GB18030",)
_UNICODE: Final = ("ISO_IR 192",)

PATIENTS: Final = (
    Patient("D1001", "Brook^Harriet", "F", "19580312"),
    Patient("D1002", "Müßig^Jörg", "M", "19710928", _LATIN_1),
    Patient("D1003", "Северцева^Вера^Павловна", "F", "19640705", _CYRILLIC),
    Patient(
        "D1004",
        "Tanomori^Haruka=田野森^春香=たのもり^はるか",
        "F",
        "19890421",
        _JAPANESE,
    ),
    Patient("D1005", "Carter^Miles^^Dr", "M", "19470116"),
    Patient("D1006", "Λευκοπούλου^Ελένη", "F", "19930830", _GREEK),
    Patient("D1007", "Baek^Minji=白^民智=백^민지", "F", "20010609", _KOREAN),
    Patient("D1008", "Éloin^Zoé", "F", "19821111", _LATIN_1),
    Patient("D1009", "Linden^Walter", "M", "19390225"),
    Patient("D1010", "Lin^Xiaodong=林^晓东", "M", "19760518", _CHINESE),
    Patient("D1011", "Åkerblad^Björn", "M", "19530803", _LATIN_1),
    Patient(
        "D1012", "Yukimura^Takeshi=雪村^武=ゆきむら^たけし", "M", "19681219", _JAPANESE
    ),
    Patient("D1013", "Ореховский^Лев^Ильич", "M", "19970214", _CYRILLIC),
    Patient("D1014", "Holloway^June", "F", "20100930"),
    Patient("D1015", "Peñarrubia^Íñigo", "M", "19850422", _LATIN_1),
    Patient("D1016", "Bai^Yunlan=白^云岚", "F", "19910706", _UNICODE),
    Patient("D1017", "Seo^Jihun=서^지훈", "M", "19790127", _KOREAN),
    Patient("D1018", "Θαλασσινός^Νίκος", "M", "19610510", _GREEK),
    Patient("D1019", "Underhill^Rose^Ann", "F", "19741103"),
    Patient("D1020", "Zhu^Shanqing=朱^山青", "F", "20050817", _CHINESE),
)

CT_HEAD: Final = Procedure(
    "CT", "CT_NORTH", "CTHEAD", "CT head without contrast", "HEAD"
)
CT_CHEST: Final = Procedure("CT", "CT_SOUTH", "CTCHEST", "CT chest", "CHEST")
MR_BRAIN: Final = Procedure("MR", "MR_1", "MRBRAIN", "MR brain", "BRAIN")
MR_KNEE: Final = Procedure("MR", "MR_2", "MRKNEE", "MR left knee", "KNEE")
US_ABDOMEN: Final = Procedure("US", "US_A", "USABD", "US abdomen", "ABDOMEN")
CR_CHEST: Final = Procedure("CR", "CR_WARD", "CRCHEST", "Chest PA and lateral", "CHEST")
CR_HAND: Final = Procedure("CR", "CR_ER", "CRHAND", "Right hand, two views", "HAND")
NM_BONE: Final = Procedure("NM", "NM_1", "NMBONE", "Whole body bone scan", "WHOLEBODY")

PROCEDURES: Final = (
    CT_HEAD,
    MR_BRAIN,
    CR_CHEST,
    US_ABDOMEN,
    NM_BONE,
    CT_CHEST,
    MR_KNEE,
    CR_HAND,
    US_ABDOMEN,
)

STEPS_BY_DAY: Final = {-1: 4, 0: 7, 1: 9, 2: 5, 3: 4, 4: 4, 5: 2, 6: 2, 7: 3}
"""How many steps are scheduled so many days after today."""

REFERRERS: Final = ("Ashdown^Iris^^Dr", "Pemberley^Otto^^Dr", "Marsh^Ada^^Dr")
PERFORMERS: Final = ("Rowan^Tess", "Ferris^Hal", "Quill^Ben")
