"""The PACS' index over the DICOM files that pydicom ships.

Only headers are read, and only from the installed package: nothing is fetched and
nothing is kept on disk.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Final, TypeAlias

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from batchfind.demo.entity import Entity, tag_named
from batchfind.demo.pacs_keys import LEVELS, UNIQUE_KEYS, levels_down_to, stored_keys
from batchfind.demo.wire import charset_of, texts_of
from batchfind.dicom.dictionary import vr_of
from batchfind.dicom.matching import Stored

Archive: TypeAlias = Mapping[str, Sequence[Entity]]
"""Entities by level; each has the attributes of the levels above as well."""

_CHARACTER_SET: Final = tag_named("SpecificCharacterSet")
_AVAILABILITY: Final = tag_named("InstanceAvailability")
_RELATED: Final = {
    "NumberOfPatientRelatedStudies": ("PATIENT", "STUDY"),
    "NumberOfPatientRelatedSeries": ("PATIENT", "SERIES"),
    "NumberOfPatientRelatedInstances": ("PATIENT", "IMAGE"),
    "NumberOfStudyRelatedSeries": ("STUDY", "SERIES"),
    "NumberOfStudyRelatedInstances": ("STUDY", "IMAGE"),
    "NumberOfSeriesRelatedInstances": ("SERIES", "IMAGE"),
}
_COLLECTED: Final = {
    "ModalitiesInStudy": "Modality",
    "SOPClassesInStudy": "SOPClassUID",
}


def shipped_files() -> list[Path]:
    """Every file of pydicom's own test data, in a fixed order."""
    root = Path(str(files("pydicom.data"))) / "test_files"
    return sorted(path for path in root.rglob("*") if path.is_file())


def load(paths: Iterable[Path], invented: Iterable[Entity] = ()) -> Archive:
    """An archive of the DICOM files among those given, and of invented instances.

    A file that is no DICOM file, or that lacks the UID of its study, series or
    instance, is passed over; of two with the same SOP Instance UID the first
    counts. Entities keep the order of the files. A study without Patient ID has no
    patient above it.

    Args:
        paths: files to read.
        invented: instances beside those of the files.

    Returns:
        The entities of all four levels.
    """
    images: dict[str, Entity] = {}
    for instance in chain(_instances(paths), invented):
        images.setdefault(instance.text(UNIQUE_KEYS["IMAGE"]), instance)
    groups = {
        level: _grouped(list(images.values()), key)
        for level, key in UNIQUE_KEYS.items()
    }
    computed = {
        level: {key: _computed(level, members) for key, members in group.items()}
        for level, group in groups.items()
    }
    return {level: _entities(level, groups[level], computed) for level in LEVELS}


def _instances(paths: Iterable[Path]) -> Iterator[Entity]:
    keys = [one for level in LEVELS for one in stored_keys(level)]
    for path in paths:
        header = _header(path, keys)
        if header is None:
            continue
        terms = charset_of(header)
        found = {one: _normal(one, texts_of(header, one, terms)) for one in keys}
        instance = Entity({one: found[one] for one in keys if found[one]}, terms)
        if all(instance.text(UNIQUE_KEYS[level]) for level in LEVELS[1:]):
            yield instance


def _header(path: Path, keys: Sequence[int]) -> Dataset | None:
    """The wanted elements of one file, or None when it is no DICOM file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the files are odd on purpose
        try:
            wanted = [_CHARACTER_SET, *keys]
            return dcmread(path, stop_before_pixels=True, specific_tags=wanted)
        except (InvalidDicomError, EOFError, ValueError, KeyError, AttributeError):
            return None


def _normal(one: int, values: list[str]) -> list[str]:
    """Dates and times of before DICOM in today's form: 1997.04.24, 14:04:38.

    Source: PS3.5 Table 6.2-1, notes on DA and TM.
    """
    separator = {"DA": ".", "TM": ":"}.get(vr_of(one))
    if separator is None:
        return values
    if separator == ".":
        return [value.replace(".", "") for value in values]
    return [value.replace(":", "") for value in values]


def _entities(
    level: str,
    groups: Mapping[str, Sequence[Entity]],
    computed: Mapping[str, Mapping[str, Mapping[int, Stored]]],
) -> list[Entity]:
    """The entities of one level: their first image speaks for each of them."""
    keys = [one for upper in levels_down_to(level) for one in stored_keys(upper)]
    entities = []
    for key, members in groups.items():
        if not key:
            continue  # no Patient ID, no patient
        first = members[0]
        attributes: dict[int, Stored] = {
            one: first.attributes[one] for one in keys if one in first.attributes
        }
        attributes[_AVAILABILITY] = ["ONLINE"]
        for upper in levels_down_to(level):
            if owner := first.text(UNIQUE_KEYS[upper]):
                attributes |= computed[upper][owner]
        entities.append(Entity(attributes, first.charset))
    return entities


def _grouped(images: Sequence[Entity], unique: int) -> dict[str, list[Entity]]:
    groups: dict[str, list[Entity]] = {}
    for image in images:
        groups.setdefault(image.text(unique), []).append(image)
    return groups


def _computed(level: str, images: Sequence[Entity]) -> dict[int, Stored]:
    """Counts and collections over the images below one entity."""
    found: dict[int, Stored] = {
        tag_named(keyword): [str(_distinct(images, UNIQUE_KEYS[below]))]
        for keyword, (scope, below) in _RELATED.items()
        if scope == level
    }
    if level == "STUDY":
        for keyword, source in _COLLECTED.items():
            texts = {image.text(tag_named(source)) for image in images}
            found[tag_named(keyword)] = sorted(texts - {""})
    return found


def _distinct(images: Sequence[Entity], unique: int) -> int:
    return len({image.text(unique) for image in images})
