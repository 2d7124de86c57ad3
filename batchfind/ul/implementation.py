"""Who we are, for peers and for readers of our DICOM files."""

from __future__ import annotations

from typing import Final

IMPLEMENTATION_CLASS_UID: Final = "2.25.70628049559152391114893681587382758174"
"""Names this implementation for ever; made once as PS3.5 Annex B.2 describes.

Source: PS3.7 Annex D.3.3.2.
"""

IMPLEMENTATION_VERSION_NAME: Final = "BATCHFIND_010"
"""At most 16 characters.

Source: PS3.7 Annex D.3.3.2.
"""
