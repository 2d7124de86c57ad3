"""The fields of a `Call` that options of findscu set, where they are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from batchfind.findscu.call import Extract, Password, Show, TlsCall
from batchfind.findscu.tokenizer import CommandLine

Given: TypeAlias = "Mapping[str, tuple[Any, ...]]"
"""Values of the options that count, by long name."""

_ANY_TLS: Final = ("--enable-tls", "--anonymous-tls")
_MODELS: Final = {
    "--worklist": "worklist",
    "--patient": "patient",
    "--study": "study",
    "--psonly": "patient-study",
}
_PROPOSALS: Final = {
    "--propose-uncompr": "local",
    "--propose-little": "little",
    "--propose-big": "big",
    "--propose-deflated": "deflated",
    "--propose-implicit": "implicit",
}
_IP_VERSIONS: Final = {"--ipv4": 4, "--ipv6": 6, "--ip-auto": None}
_PROFILES: Final = {
    "--profile-8996": "bcp195-rfc8996",
    "--profile-8996-mod": "bcp195-modified",
    "--profile-bcp195-nd": "bcp195-nd",
    "--profile-bcp195": "bcp195",
    "--profile-bcp195-ex": "bcp195-ex",
    "--profile-basic": "basic",
    "--profile-aes": "aes",
    "--profile-null": "null",
}
_PASSWORDS: Final = {
    "--std-passwd": Password.PROMPT,
    "--use-passwd": Password.GIVEN,
    "--null-passwd": Password.EMPTY,
}
_EXTRACTS: Final = {
    "--extract": Extract.DICOM,
    "--extract-xml": Extract.XML,
    "--extract-xml-single": Extract.SINGLE_XML,
}
_SHOWN: Final = {"--show-responses": Show.ALWAYS, "--hide-responses": Show.NEVER}
_CHECKS: Final = {"--enable-crl-vfy": "leaf", "--enable-crl-all": "chain"}


def _chosen(given: Given, values: Mapping[str, Any], default: Any) -> Any:
    """What the option of a group stands for that was given."""
    return next((values[name] for name in given if name in values), default)


def network_fields(given: Given) -> dict[str, Any]:
    """What is asked of whom, and how long to wait for it."""
    fields: dict[str, Any] = {
        field: given[option][0]
        for option, field in (
            ("--aetitle", "calling_ae"),
            ("--call", "called_ae"),
            ("--compression-level", "deflate_level"),
            ("--timeout", "connect_timeout"),
            ("--acse-timeout", "acse_timeout"),
            ("--dimse-timeout", "dimse_timeout"),
            ("--max-pdu", "max_pdu"),
            ("--repeat", "repeat"),
            ("--cancel", "cancel"),
        )
        if option in given
    }
    if "--socket-timeout" in given:
        seconds = given["--socket-timeout"][0]
        fields["socket_timeout"] = seconds if seconds > 0 else None
    return fields | {
        "model": _chosen(given, _MODELS, "worklist"),
        "ip_version": _chosen(given, _IP_VERSIONS, 4),
        "proposal": _chosen(given, _PROPOSALS, "local"),
        "new_vr": "--disable-new-vr" not in given,
        "abort": "--abort" in given,
    }


def tls_of(given: Given, line: CommandLine) -> TlsCall | None:
    if not any(name in given for name in _ANY_TLS):
        return None
    key, certificate = map(Path, given.get("--enable-tls", ("", "")))
    own = "--enable-tls" in given
    seed = _path(given, "--seed")
    crls = tuple(map(Path, line.every("--add-crl-file")))
    return TlsCall(
        key=key if own else None,
        certificate=certificate if own else None,
        password=_chosen(given, _PASSWORDS, Password.PROMPT),
        given=given.get("--use-passwd", ("",))[0],
        der="--der-keys" in given,
        ca_files=tuple(map(Path, line.every("--add-cert-file"))),
        ca_dirs=tuple(map(Path, line.every("--add-cert-dir"))),
        crls=crls,
        crl_check=_chosen(given, _CHECKS, "leaf" if crls else "none"),
        profile=_chosen(given, _PROFILES, "bcp195-rfc8996"),
        ciphers=line.every("--cipher"),
        verify="--ignore-peer-cert" not in given,
        sni=given.get("--request-sni", (None,))[0],
        seed=seed,
        write_seed=seed
        if "--write-seed" in given
        else _path(given, "--write-seed-file"),
    )


def output_fields(given: Given) -> dict[str, Any]:
    """Where responses go."""
    return {
        "directory": _path(given, "--output-directory") or Path(),
        "correction": "--enable-correction" in given,
        "show": _chosen(given, _SHOWN, Show.DEFAULT),
        "extract": _chosen(given, _EXTRACTS, Extract.NOTHING),
        "single": _path(given, "--extract-xml-single"),
        "limit": given.get("--limit-output", (None,))[0],
        "save_job": _path(given, "--save-job"),
    }


def _path(given: Given, name: str) -> Path | None:
    return Path(given[name][0]) if name in given else None
