"""The names DCMTK shows for attributes and UIDs.

Those of UIDs were made from PS3.6 before it had keywords for them. Most follow from
the keyword by rules; `_OTHERS` holds the rest.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from batchfind.dicom import dictionary, registry, transfer_syntaxes

SYNTAX_TITLES: Final = {
    transfer_syntaxes.IMPLICIT_LE: "Little Endian Implicit",
    transfer_syntaxes.EXPLICIT_LE: "Little Endian Explicit",
    transfer_syntaxes.DEFLATED_LE: "Deflated Explicit VR Little Endian",
    transfer_syntaxes.EXPLICIT_BE: "Big Endian Explicit",
}
"""What DCMTK calls the transfer syntaxes in words."""

_NAMELESS: Final = "Unknown Tag & Data"

_OTHERS: Final = {
    "1.2.840.10008.1.2": "LittleEndianImplicit",
    "1.2.840.10008.1.2.1": "LittleEndianExplicit",
    "1.2.840.10008.1.2.1.99": "DeflatedLittleEndianExplicit",
    "1.2.840.10008.1.2.2": "BigEndianExplicit",
    "1.2.840.10008.1.2.4.100": "MPEG2MainProfile@MainLevel",
    "1.2.840.10008.1.2.4.101": "MPEG2MainProfile@HighLevel",
    "1.2.840.10008.1.2.4.102": "MPEG4HighProfile/Level4.1",
    "1.2.840.10008.1.2.4.103": "MPEG4BDcompatibleHighProfile/Level4.1",
    "1.2.840.10008.1.2.4.104": "MPEG4HighProfile/Level4.2For2DVideo",
    "1.2.840.10008.1.2.4.105": "MPEG4HighProfile/Level4.2For3DVideo",
    "1.2.840.10008.1.2.4.106": "MPEG4StereoHighProfile/Level4.2",
    "1.2.840.10008.1.2.4.107": "HEVCMainProfile/Level5.1",
    "1.2.840.10008.1.2.4.108": "HEVCMain10Profile/Level5.1",
    "1.2.840.10008.1.2.4.50": "JPEGBaseline",
    "1.2.840.10008.1.2.4.51": "JPEGExtended:Process2+4",
    "1.2.840.10008.1.2.4.52": "JPEGExtended:Process3+5",
    "1.2.840.10008.1.2.4.53": "JPEGSpectralSelection:Non-hierarchical:Process6+8",
    "1.2.840.10008.1.2.4.54": "JPEGSpectralSelection:Non-hierarchical:Process7+9",
    "1.2.840.10008.1.2.4.55": "JPEGFullProgression:Non-hierarchical:Process10+12",
    "1.2.840.10008.1.2.4.56": "JPEGFullProgression:Non-hierarchical:Process11+13",
    "1.2.840.10008.1.2.4.57": "JPEGLossless:Non-hierarchical:Process14",
    "1.2.840.10008.1.2.4.58": "JPEGLossless:Non-hierarchical:Process15",
    "1.2.840.10008.1.2.4.59": "JPEGExtended:Hierarchical:Process16+18",
    "1.2.840.10008.1.2.4.60": "JPEGExtended:Hierarchical:Process17+19",
    "1.2.840.10008.1.2.4.61": "JPEGSpectralSelection:Hierarchical:Process20+22",
    "1.2.840.10008.1.2.4.62": "JPEGSpectralSelection:Hierarchical:Process21+23",
    "1.2.840.10008.1.2.4.63": "JPEGFullProgression:Hierarchical:Process24+26",
    "1.2.840.10008.1.2.4.64": "JPEGFullProgression:Hierarchical:Process25+27",
    "1.2.840.10008.1.2.4.65": "JPEGLossless:Hierarchical:Process28",
    "1.2.840.10008.1.2.4.66": "JPEGLossless:Hierarchical:Process29",
    "1.2.840.10008.1.2.4.70": "JPEGLossless:Non-hierarchical-1stOrderPrediction",
    "1.2.840.10008.1.2.4.81": "JPEGLSLossy",
    "1.2.840.10008.1.2.4.90": "JPEG2000LosslessOnly",
    "1.2.840.10008.1.2.4.92": "JPEG2000MulticomponentLosslessOnly",
    "1.2.840.10008.1.2.4.93": "JPEG2000Multicomponent",
    "1.2.840.10008.1.2.7.1": "SMPTEST2110-20:UncompressedProgressiveActiveVideo",
    "1.2.840.10008.1.2.7.2": "SMPTEST2110-20:UncompressedInterlacedActiveVideo",
    "1.2.840.10008.1.2.7.3": "SMPTEST2110-30:PCMDigitalAudio",
    "1.2.840.10008.1.20.1": "StorageCommitmentPushModelSOPClass",
    "1.2.840.10008.1.20.2": "RETIRED_StorageCommitmentPullModelSOPClass",
    "1.2.840.10008.1.4.3.2": "StandardRoboticCoordinateSystemFrameOfReference",
    "1.2.840.10008.15.1.1": "UniversalCoordinatedTimeSynchronizationFrameOfReference",
    "1.2.840.10008.2.16.4": "DICOMControlledTerminologyCodingScheme",
    "1.2.840.10008.2.6.1": "DICOMUIDRegistryCodingScheme",
    "1.2.840.10008.3.1.1.1": "StandardApplicationContext",
    "1.2.840.10008.5.1.4.1.1.601.1": "DICONDE_EddyCurrentImageStorage",
    "1.2.840.10008.5.1.4.1.1.601.2": "DICONDE_EddyCurrentMultiframeImageStorage",
    "1.2.840.10008.5.1.4.1.1.77.1": "RETIRED_VLImageStorage",
    "1.2.840.10008.5.1.4.1.1.77.2": "RETIRED_VLMultiframeImageStorage",
    "1.2.840.10008.5.1.4.1.1.88.1": "DRAFT_SRTextStorage",
    "1.2.840.10008.5.1.4.1.1.88.2": "DRAFT_SRAudioStorage",
    "1.2.840.10008.5.1.4.1.1.88.3": "DRAFT_SRDetailStorage",
    "1.2.840.10008.5.1.4.1.1.88.4": "DRAFT_SRComprehensiveStorage",
    "1.2.840.10008.5.1.4.1.1.88.70": "ImplantationPlanSRDocumentStorage",
}
_OPERATIONS: Final = ("Find", "Move", "Get")
_BARE: Final = (
    "Storage",
    "RealTimeCommunication",
    "MachineVerification",
    "PatientInformationQuery",
)
"""What a SOP class is called by without `SOPClass` behind it."""


@lru_cache(maxsize=8192)
def attribute_name(tag: int) -> str:
    """The name of a tag: its keyword, marked where it is retired."""
    if not tag & 0xFFFF:
        return "GenericGroupLength"
    if dictionary.is_private(tag):
        creator = dictionary.is_private_creator(tag)
        return "PrivateCreator" if creator else _NAMELESS
    known = registry.attribute(tag)
    if known is None or not known.keyword:
        return _NAMELESS
    retired = "retired" in known.retired.lower()
    return f"RETIRED_{known.keyword}" if retired else known.keyword


@lru_cache(maxsize=1024)
def uid_name(uid: str) -> str | None:
    """The name DCMTK shows for a UID; None when PS3.6 does not list it.

    Args:
        uid: without padding.
    """
    known = _OTHERS.get(uid)
    found = registry.uids().get(uid)
    if known is not None or found is None:
        return known
    kind, retired, keyword = found.kind, found.retired, found.keyword
    if not keyword or kind == "Transfer Syntax":
        return keyword or None
    name = keyword.removesuffix("Trial").removesuffix("Retired")
    name = _styled(name.replace("MultiFrame", "Multiframe"), kind)
    if keyword.endswith("Trial"):
        return f"DRAFT_{name}"
    return f"RETIRED_{name}" if retired else name


def uid_named(name: str) -> str | None:
    """The UID that DCMTK shows as a name, or whose keyword it is; None without one."""
    return _uids_by_name().get(name)


@cache
def _uids_by_name() -> dict[str, str]:
    keywords = {row.keyword: uid for uid, row in registry.uids().items() if row.keyword}
    return keywords | {name: uid for uid in registry.uids() if (name := uid_name(uid))}


def _styled(name: str, kind: str) -> str:
    """A keyword in the style of its kind."""
    if kind in {"SOP Class", "Meta SOP Class"}:
        return _sop_class(name)
    if kind == "Well-known SOP Instance":
        instance = name.removesuffix("Instance").replace("Palette", "ColorPalette")
        return f"{instance}SOPInstance"
    if "frame of reference" in kind.lower():
        return f"{name}FrameOfReference"
    if kind == "Service Class" and not name.endswith("ServiceClass"):
        return f"{name}ServiceClass"
    return f"LDAP_{name}" if kind == "LDAP OID" else name


def _sop_class(name: str) -> str:
    if "InformationModel" in name or name.startswith("Composite"):
        for operation in _OPERATIONS:
            if name.endswith(operation):
                model = name.removesuffix(operation)
                return operation.upper() + model.replace(
                    "PaletteQueryRetrieve", "Palette"
                )
    if name.startswith("DICOS"):
        return name.replace("DICOS", "DICOS_", 1)
    return name if any(part in name for part in _BARE) else f"{name}SOPClass"
