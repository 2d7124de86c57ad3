"""The job that asks what a findscu command line asks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from batchfind.dicom.dictionary import Dictionary, keyword_of
from batchfind.dicom.findscu_keys import KeyRefused, Place, places_of
from batchfind.errors import InputError
from batchfind.findscu.call import Call, Extract, Password, TlsCall
from batchfind.findscu.job_text import verbatim
from batchfind.net.tls_material import MaterialError, private_key

PASSWORD_VARIABLE: Final = "FINDSCU_KEY_PASSWORD"  # noqa: S105 - the name of one
FOLDER: Final = "responses"
"""Below the output directory, since an output replaces the whole folder it names."""

_PEER = "peer"
_QUERY = "query"
_TLS = "peer-tls"
_LONGEST_AE_TITLE = 16
_MOST_REQUESTS = 10_000

_DEFAULTS: Final[Mapping[str, Any]] = {
    "called_ae": "ANY-SCP",
    "new_vr": "keep",
    "deflate_level": 6,
    "max_pdu": 16384,
    "end": "release",
}
"""Fields of a peer that need no word where they say what a job says anyway."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a job will stand.

    Attributes:
        path: absolute; None when nobody knows yet.
    """

    path: Path | None

    def name_of(self, path: Path) -> str:
        """A path as the job has to say it: below its folder, or absolute."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links stay links
        if self.path is not None and absolute.is_relative_to(self.path):
            absolute = absolute.relative_to(self.path)
        return verbatim(absolute.as_posix())


def requests_of(call: Call) -> int:
    """How many C-FINDs a command line asks for."""
    return max(1, len(call.files)) * call.repeat


def job_of(
    call: Call,
    name: str,
    folder: Folder,
    dictionary: Dictionary,
    dictionaries: Sequence[Path] = (),
) -> dict[str, Any]:
    """The job as nested mappings, its fields in the order they are written.

    Args:
        call: the command line.
        name: of the job.
        folder: where the job will stand.
        dictionary: knows the keywords of keys.
        dictionaries: the files it was read from.

    Raises:
        InputError: a key is none.
    """
    job: dict[str, Any] = {"version": 1, "name": name}
    if dictionaries:
        job["dictionaries"] = [folder.name_of(path) for path in dictionaries]
    if call.tls is not None:
        job["tls"] = {_TLS: _tls(call.tls, folder)}
    job["peers"] = {_PEER: _peer(call)}
    job["queries"] = {_QUERY: _query(call, folder, dictionary)}
    if requests_of(call) > 1:
        job["run"] = _run(call)
    if call.extract is not Extract.NOTHING:
        job["outputs"] = [_output(call, folder)]
    return job


def _peer(call: Call) -> dict[str, Any]:
    fields = {
        "host": call.peer,
        "port": call.port,
        "called_ae": _ae_title(call.called_ae),
        "calling_ae": _ae_title(call.calling_ae),
        "ip_version": call.ip_version or "auto",
        "tls": _TLS if call.tls is not None else None,
        "transfer_syntaxes": call.proposal,
        "deflate_level": call.deflate_level,
        "new_vr": "keep" if call.new_vr else "ob",
        "max_pdu": call.max_pdu,
        "timeouts": {
            "connect": _seconds(call.connect_timeout),
            "acse": _seconds(call.acse_timeout),
            "response": _seconds(call.dimse_timeout or call.socket_timeout),
        },
        "limits": {
            "associations": 1,
            "queries_per_association": requests_of(call),
        },
        "end": "abort" if call.abort else "release",
    }
    return {
        name: value
        for name, value in fields.items()
        if value is not None and _DEFAULTS.get(name) != value
    }


def _ae_title(text: str) -> str:
    """As much of it as there is room for on the wire."""
    return verbatim(text[:_LONGEST_AE_TITLE])


def _seconds(number: int | None) -> str:
    return f"{number}s" if number else "none"


def _query(call: Call, folder: Folder, dictionary: Dictionary) -> dict[str, Any]:
    query: dict[str, Any] = {"model": call.model, "raw": True, "lint": "lenient"}
    if call.files:
        query["files"] = [folder.name_of(path) for path in call.files]
    keys = keys_of(call.keys, dictionary)
    if keys:
        query["keys"] = {path: verbatim(value) for path, value in keys.items()}
    if call.repeat > 1:
        query["repeat"] = {"times": call.repeat}
    if call.cancel:
        query["cancel"] = {"after_responses": call.cancel}
    if call.correction:
        query["data_correction"] = True
    return query


def keys_of(texts: Iterable[str], dictionary: Dictionary) -> dict[str, str]:
    """Key paths of a job to values, in the order in which they were first given.

    Args:
        texts: of `-k`.
        dictionary: knows keywords.

    Raises:
        InputError: a text is no key, or holds bytes that are no UTF-8.
    """
    keys: dict[str, str] = {}
    for text in filter(None, texts):
        path, _, value = text.partition("=")
        try:
            text.encode()
            places = places_of(path, dictionary)
        except UnicodeEncodeError:
            message = "its bytes are no UTF-8, so that no job can hold them"
            raise InputError(f"Bad override key/path: {path}: {message}") from None
        except KeyRefused as error:
            raise InputError(f"Bad override key/path: {text}: {error}") from error
        keys[".".join(map(_step, places))] = value
    return keys


def _step(place: Place) -> str:
    group, element = place.tag >> 16, place.tag & 0xFFFF
    name = keyword_of(place.tag) or f"{group:04x},{element:04x}"
    return name if place.item is None else f"{name}[{place.item}]"


def _run(call: Call) -> dict[str, Any]:
    """One request after another, and none after a failure."""
    run: dict[str, Any] = {"concurrency": 1, "on_failure": "stop"}
    if requests_of(call) > _MOST_REQUESTS:
        run["max_requests"] = requests_of(call)
    return run


def _output(call: Call, folder: Folder) -> dict[str, Any]:
    if call.extract is Extract.SINGLE_XML and call.single is not None:
        path = folder.name_of(call.directory / call.single)
        output: dict[str, Any] = {"format": "xml", "path": path}
    else:
        path = folder.name_of(call.directory / FOLDER)
        output = {"format": _FORMATS[call.extract], "path": path}
        if call.extract is Extract.XML:
            output["layout"] = "files"
        else:
            output["name"] = _NAMES[requests_of(call) > 1]
    if call.limit is not None:
        output["limit"] = call.limit
    return output


_FORMATS: Final = {Extract.DICOM: "dicom", Extract.XML: "xml"}
_NAMES: Final = ("rsp{response:04}.dcm", "{request}-rsp{response:04}.dcm")
"""As findscu names its files, where there is one request; else each by its own."""


def _tls(call: TlsCall, folder: Folder) -> dict[str, Any]:
    """Trust as findscu sees it: no machine's store, and any name."""
    fields: dict[str, Any] = {"profile": call.profile}
    if call.key is not None and call.certificate is not None:
        fields["key"] = folder.name_of(call.key)
        fields["certificate"] = folder.name_of(call.certificate)
        fields |= _password(call, call.key)
    if call.der:
        fields["format"] = "der"
    if call.verify:
        fields |= _trust(call, folder)
    else:
        fields["verify"] = "none"
    if call.ciphers:
        fields["ciphers"] = list(dict.fromkeys(call.ciphers))
    fields["sni"] = call.sni or "none"
    if call.seed is not None:
        fields["seed"] = {"file": folder.name_of(call.seed)}
        if call.write_seed is not None:
            fields["seed"]["write_back"] = folder.name_of(call.write_seed)
    return fields


def _trust(call: TlsCall, folder: Folder) -> dict[str, Any]:
    lists = {"ca": call.ca_files, "ca_dirs": call.ca_dirs, "crl": call.crls}
    fields: dict[str, Any] = {
        name: [folder.name_of(path) for path in paths]
        for name, paths in lists.items()
        if paths
    }
    if call.crl_check != "none":
        fields["crl_check"] = call.crl_check
    return {**fields, "system_ca": False, "verify_hostname": False}


def _password(call: TlsCall, key: Path) -> dict[str, Any]:
    """Where the job finds the key's password; nowhere for a key without one."""
    match call.password:
        case Password.GIVEN:
            return {"password": {"env": PASSWORD_VARIABLE}}
        case Password.EMPTY:
            return {"password": "empty"}
        case Password.PROMPT:
            return {"password": "prompt"} if _is_encrypted(key, der=call.der) else {}


def _is_encrypted(key: Path, *, der: bool) -> bool:
    """Whether a key file needs a password; one that cannot be read needs none."""
    try:
        return private_key(key.read_bytes(), der=der).encrypted
    except (OSError, MaterialError):
        return False
