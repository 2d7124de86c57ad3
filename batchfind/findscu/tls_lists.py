"""What `--list-ciphers` and `--list-profiles` print."""

from __future__ import annotations

from batchfind.dicom.tls import PROFILES, SUITES
from batchfind.findscu.help import version_text
from batchfind.net.tls_suites import examine

_WIDEST = "null"
"""The profile under which every suite that the library has is offered."""


def ciphers_text() -> str:
    """The suites that `--cipher` takes and the TLS library of this machine has."""
    found = examine(PROFILES[_WIDEST], tuple(SUITES.values()))
    names = [f"  {each.suite.name}" for each in found if not each.problem]
    return "\n".join([version_text(), "", "Supported TLS ciphersuites are:", *names])


def profiles_text() -> str:
    """The profiles there are; one whose mandatory suites are all missing is marked."""
    lines = [version_text(), "", "Supported TLS profiles are:"]
    for profile in PROFILES.values():
        found = examine(profile, profile.mandatory)
        usable = any(not each.problem for each in found)
        mark = "" if usable else " (not available here)"
        lines.append(f"  {profile.name:<16}  {profile.title}{mark}")
    return "\n".join(lines)
