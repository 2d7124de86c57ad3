"""Settings of the property tests of this room."""

from __future__ import annotations

from hypothesis import settings

# A shared machine may stall any example; what is tested is the result.
settings.register_profile("dicom", deadline=None, max_examples=50)
settings.load_profile("dicom")
