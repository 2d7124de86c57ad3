"""`tls`: which cipher suites and profiles of TLS this machine can use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from batchfind.cli import console
from batchfind.cli.options import examples, reporting

if TYPE_CHECKING:
    from batchfind.dicom.tls import TlsProfile
    from batchfind.net.tls_suites import Offered

_CIPHERS, _PROFILES = "ciphers", "profiles"


@click.command(
    epilog=examples(
        "batchfind tls profiles",
        "batchfind tls ciphers",
        "batchfind tls profiles --json",
    )
)
@click.argument("subject", type=click.Choice((_CIPHERS, _PROFILES)))
@reporting()
def tls(*, subject: str, as_json: bool) -> int:
    """List TLS cipher suites or profiles, and which of them this machine can use.

    The names are what `ciphers` and `profile` of a job's tls take.
    """
    if as_json:
        listed = _ciphers_json() if subject == _CIPHERS else _profiles_json()
        console.result_json({"exit_code": 0, "retryable": False, **listed})
    else:
        lines = _cipher_lines() if subject == _CIPHERS else _profile_lines()
        console.result("\n".join(lines))
    return 0


def _cipher_lines() -> Iterator[str]:
    from batchfind.net.tls_suites import LIBRARY, every_suite, modern  # noqa: PLC0415

    suites = every_suite()
    usable = [each for each in suites if not each.problem]
    missing = [each for each in suites if each.problem]
    yield f"{LIBRARY}: {len(usable)} of {len(suites)} suites of TLS 1.2 and earlier"
    width = max(len(each.suite.name) for each in suites)
    for each in usable:
        note = "  no encryption: profile null only" if each.suite.null else ""
        yield f"  {each.suite.name:<{width}}  {each.suite.openssl}{note}"
    if missing:
        yield "not available here:"
    for each in missing:
        yield f"  {each.suite.name:<{width}}  {each.problem}"
    yield "TLS 1.3, offered by OpenSSL itself, not by a job:"
    for name in modern():
        yield f"  {name}"


def _ciphers_json() -> dict[str, Any]:
    from batchfind.net.tls_suites import LIBRARY, every_suite, modern  # noqa: PLC0415

    return {
        "library": LIBRARY,
        "suites": [_suite_json(each) for each in every_suite()],
        "tls_1_3": list(modern()),
    }


def _profile_lines() -> Iterator[str]:
    from batchfind.dicom.tls import DEFAULT_PROFILE, PROFILES  # noqa: PLC0415
    from batchfind.net.tls_suites import LIBRARY, examine, usable  # noqa: PLC0415

    yield f"{LIBRARY}, strictest profile first:"
    for profile in PROFILES.values():
        states = ["available" if usable(profile) else "not available here"]
        if profile.retired:
            states.append("retired")
        if profile.name == DEFAULT_PROFILE:
            states.append("default")
        yield ""
        yield f"{profile.name}: {', '.join(states)}"
        yield f"  {profile.title}"
        yield f"  {_terms(profile)}"
        yield f"  `ciphers` may add {profile.additions.value}; its own suites:"
        for each in examine(profile, profile.suites):
            yield f"    {each.suite.name}{_remark(profile, each)}"


def _terms(profile: TlsProfile) -> str:
    versions = dict.fromkeys((profile.lowest.title, profile.highest.title))
    shown = " to ".join(versions)
    terms = [f"PS3.15 {profile.section}" if profile.section else "not in PS3.15", shown]
    if profile.rsa_bits:
        terms.append(f"RSA keys from {profile.rsa_bits} bits")
    if profile.ec_bits:
        terms.append(f"curves from {profile.ec_bits} bits")
    return "; ".join(terms)


def _remark(profile: TlsProfile, each: Offered) -> str:
    words = []
    if each.suite.name in profile.optional:
        words.append("optional")
    if each.problem:
        words.append(each.problem)
    return f" ({', '.join(words)})" if words else ""


def _profiles_json() -> dict[str, Any]:
    from batchfind.dicom.tls import DEFAULT_PROFILE, PROFILES  # noqa: PLC0415
    from batchfind.net.tls_suites import LIBRARY, examine, usable  # noqa: PLC0415

    return {
        "library": LIBRARY,
        "profiles": [
            {
                "name": profile.name,
                "title": profile.title,
                "section": profile.section,
                "default": profile.name == DEFAULT_PROFILE,
                "retired": profile.retired,
                "available": usable(profile),
                "versions": [profile.lowest.value, profile.highest.value],
                "rsa_bits": profile.rsa_bits,
                "ec_bits": profile.ec_bits,
                "additions": profile.additions.name.lower(),
                "suites": [
                    _suite_json(each)
                    | {"optional": each.suite.name in profile.optional}
                    for each in examine(profile, profile.suites)
                ],
            }
            for profile in PROFILES.values()
        ],
    }


def _suite_json(each: Offered) -> dict[str, Any]:
    return {
        "name": each.suite.name,
        "code": f"{each.suite.code:04X}",
        "openssl": each.suite.openssl,
        "null": each.suite.null,
        "available": not each.problem,
        "problem": each.problem,
    }
