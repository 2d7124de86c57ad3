from __future__ import annotations

import subprocess
import sys

from pydicom import datadict
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary
from pydicom._private_dict import private_dictionaries
from pydicom._uid_dict import UID_dictionary

from batchfind.dicom import registry


class TestItSaysWhatPydicomSays:
    def test_of_every_attribute(self) -> None:
        assert DicomDictionary == registry.ATTRIBUTES
        for tag, row in DicomDictionary.items():
            assert registry.attribute(tag) == row

    def test_of_every_repeating_group(self) -> None:
        for mask in RepeatersDictionary:
            for digit in "02468ACE":
                tag = int(mask.replace("x", digit), 16)
                assert registry.attribute(tag) == datadict.get_entry(tag)

    def test_of_what_nobody_knows(self) -> None:
        assert registry.attribute(0x0008_9998) is None
        assert registry.attribute(0x6001_0010) is None  # an odd group repeats nothing

    def test_of_keywords(self) -> None:
        known = {k: tag for k, tag in datadict.keyword_dict.items() if k}
        assert registry.tags_by_keyword() == known
        for mask, row in RepeatersDictionary.items():
            first = int(mask.replace("x", "0"), 16)
            assert (registry.repeating_tag_of(row[4]) or 0) <= first
        assert registry.repeating_tag_of("OverlayRows") == 0x6000_0010
        assert registry.repeating_tag_of("PatientID") is None

    def test_of_every_private_attribute(self) -> None:
        for creator, rows in private_dictionaries.items():
            for place in rows:
                tag = int(place.replace("x", "1"), 16)
                try:
                    known = datadict.private_dictionary_VR(tag, creator)
                except KeyError:
                    known = None
                assert registry.private_vr(tag, creator) == known
        assert registry.private_vr(0x0019_1010, "FICTIONAL") is None

    def test_of_every_uid(self) -> None:
        assert registry.uids() == UID_dictionary


class TestItIsReadAlone:
    def test_without_the_package_of_pydicom(self) -> None:
        code = (
            "import sys; from batchfind.dicom import registry as r;"
            "assert r.attribute(0x00100020).keyword == 'PatientID';"
            "assert r.private_vr(0x00191010, 'SIEMENS CM VA0  ACQU') == 'LO';"
            "assert 'pydicom' not in sys.modules and 'numpy' not in sys.modules;"
            "import pydicom;"
            "assert r.uids()['1.2.840.10008.1.2'].kind == 'Transfer Syntax'"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
