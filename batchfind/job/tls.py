"""Entries of `tls`: what a peer's own mapping or the job's table says."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any, Final

from batchfind.dicom.tls import PROFILES, SUITES, TLS_1_3_SUITES, cautions, refusal
from batchfind.job.hosts import host_problem
from batchfind.job.nodes import ScalarNode
from batchfind.job.secret import read_secret
from batchfind.job.section import Section
from batchfind.job.suggest import did_you_mean
from batchfind.job.transport_model import CrlCheck, FileFormat, Material, Tls
from batchfind.job.yaml_core import core_value

OFF: Final = "off"
"""A peer's `tls` when there is none; no entry may have this name."""
NO_SNI: Final = "none"

_FILES: Final = ("key", "certificate", "ca", "crl")
_TRUST: Final = ("ca", "ca_dirs", "system_ca", "crl", "crl_check")
_BOOLEAN_LIKE: Final = frozenset({"true", "false", "yes", "no", "on", "off"})


def read_tls_entries(root: Section) -> dict[str, Section]:
    """The entries of `tls` by name; problems are reported."""
    entries = {}
    for key, entry in root.section("tls").sections():
        if key.text == OFF:
            message = "'off' means no TLS at a peer; choose another name"
            root.report.error(key.mark, entry.path, message)
        read_tls(entry, key.text)
        entries[key.text] = entry
    return entries


def read_peer_tls(
    peer: Section, name: str, entries: dict[str, Section], *, complete: bool
) -> tuple[Tls, Section] | None:
    """The TLS of a peer and where it stands; None without. Problems are reported.

    Args:
        peer: the peer, over its defaults.
        name: of the peer.
        entries: the job's `tls` by name.
        complete: every included file could be read.
    """
    node = peer.node.get("tls")
    if node is None:
        return None
    if not isinstance(node, ScalarNode):
        own = peer.section("tls")
        return read_tls(own, name), own
    if node.text == OFF:
        return None
    entry = entries.get(node.text)
    if entry is not None:
        return read_tls(entry, node.text), entry
    if complete and isinstance(core_value(node), str):
        meant = did_you_mean(node.text, entries)
        message = f"there is no '{node.text[:64]}' under tls{meant}"
        if not meant:
            message += "; write it there, or off"
        peer.error("tls", message)
    return None


def read_tls(entry: Section, name: str) -> Tls:
    """One mapping of TLS fields; wrong combinations are reported."""
    profile = _profile(entry)
    _check_pairs(entry)
    verify = entry.text("verify") != "none"
    _check_trust(entry, verify=verify)
    key, certificate = entry.paths("key"), entry.paths("certificate")
    ca, ca_dirs = entry.paths("ca"), entry.paths("ca_dirs")
    seed = entry.section("seed")
    seeds, written = seed.paths("file"), seed.paths("write_back")
    return Tls(
        name=name,
        profile=profile,
        key=key[0] if key else None,
        certificate=certificate[0] if certificate else None,
        password=read_secret(entry, "password"),
        format=FileFormat.DER if entry.text("format") == "der" else FileFormat.PEM,
        ca=ca,
        ca_dirs=ca_dirs,
        system_ca=entry.flags("system_ca").get("system_ca", not (ca or ca_dirs)),
        crl=entry.paths("crl"),
        crl_check=_crl_check(entry),
        ciphers=_ciphers(entry, profile),
        verify=verify,
        verify_hostname=verify and _verify_hostname(entry),
        sni=_sni(entry),
        seed=seeds[0] if seeds else None,
        seed_write_back=written[0] if written else None,
    )


def materials_of(entry: Section) -> Iterator[Material]:
    """Every file and folder that an entry needs, with its place."""
    for name in _FILES:
        yield from files_of(entry, name)
    yield from files_of(entry, "ca_dirs", folder=True)
    yield from files_of(entry.section("password"), "file")
    yield from files_of(entry.section("seed"), "file")


def files_of(
    section: Section, name: str, *, folder: bool = False
) -> Iterator[Material]:
    """The files that one field names."""
    marks = [one.mark for one in section.items(name) if isinstance(one, ScalarNode)]
    for path, mark in zip(section.paths(name), marks, strict=True):
        yield Material(path, mark, section.place(name), folder)


def _profile(entry: Section) -> str:
    node = entry.node.get("profile")
    if isinstance(node, ScalarNode) and node.text in PROFILES:
        if node.text == "null":
            message = "the profile null encrypts nothing: whoever listens reads along"
            entry.report.warning(node.mark, entry.place("profile"), message)
        return node.text
    return Tls(name="").profile


def _check_pairs(entry: Section) -> None:
    """Fields that mean nothing alone."""
    for name, other in (
        ("key", "certificate"),
        ("certificate", "key"),
        ("password", "key"),
    ):
        if entry.has(name) and not entry.has(other):
            entry.error(name, f"{name} needs {other} beside it; write both or neither")


def _check_trust(entry: Section, *, verify: bool) -> None:
    if not verify:
        asked = entry.flags("verify_hostname").get("verify_hostname", True)
        if entry.has("verify_hostname") and asked:
            message = (
                "verify: none takes any certificate, whatever name it holds; remove "
                "verify_hostname, or verify: none"
            )
            entry.error("verify_hostname", message)
        for name in _TRUST:
            if entry.has(name):
                message = f"verify: none looks at no {name}; it can be removed"
                entry.report.warning(entry.mark(name), entry.place(name), message)
        return
    trusts = any(entry.has(name) for name in ("ca", "ca_dirs"))
    if not trusts and not entry.flags("system_ca").get("system_ca", True):
        message = "no certificate would be trusted; name some under ca or ca_dirs"
        entry.error("system_ca", message)


def _crl_check(entry: Section) -> CrlCheck:
    """`crl` alone checks the peer's own certificate, as findscu's option does."""
    written, has_lists = entry.text("crl_check"), entry.has("crl")
    if written == "none" and has_lists:
        message = "these lists would not be looked at; remove crl_check: none, or crl"
        entry.error("crl", message)
    if written in {"leaf", "chain"} and not has_lists:
        message = "there is no revocation list to look at; name some under crl"
        entry.error("crl_check", message)
    if written in {one.value for one in CrlCheck}:
        return CrlCheck(written)
    return CrlCheck.LEAF if has_lists else CrlCheck.NONE


def _ciphers(entry: Section, profile: str) -> tuple[str, ...]:
    place = entry.place("ciphers")
    names = []
    for item in entry.items("ciphers"):
        if not isinstance(item, ScalarNode) or not item.text:
            continue
        problem = refusal(PROFILES[profile], item.text)
        if problem is not None:
            entry.report.error(item.mark, place, f"{problem}{_meant(item.text)}")
            continue
        for caution in cautions(PROFILES[profile], item.text):
            entry.report.warning(item.mark, place, caution)
        names.append(item.text)
    return tuple(names)


def _meant(suite: str) -> str:
    known = suite in SUITES or suite in TLS_1_3_SUITES or "_anon_" in suite
    return "" if known else did_you_mean(suite, SUITES)


def _verify_hostname(entry: Section) -> bool | str:
    flag: Any = entry.flags("verify_hostname").get("verify_hostname")
    text = entry.text("verify_hostname")
    if flag is not None or text is None:
        return flag is not False
    if text.casefold() in _BOOLEAN_LIKE:
        message = "write true or false without quotes, or the name to look for"
        entry.error("verify_hostname", message)
    elif "*" in text:
        message = "must be one name the certificate covers, such as pacs.example.org"
        entry.error("verify_hostname", f"{message}, and no pattern")
    elif problem := host_problem(text):
        entry.error("verify_hostname", problem)
    return text


def _sni(entry: Section) -> str | None:
    text = entry.text("sni")
    if text is None:
        return None
    if text == NO_SNI:
        return ""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if problem := host_problem(text):
            entry.error("sni", problem)
    else:
        message = "this names a host and cannot be an address (RFC 6066 Section 3); "
        entry.error("sni", f"{message}write its name, or none")
    return text
