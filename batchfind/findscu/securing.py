"""TLS as a findscu command line asks for it.

findscu never compares the peer's certificate with its name, knows no trust store but
the files and folders given, and sends no server name unless told to. A folder counts
with every certificate in it, not only those under OpenSSL's hash names.
"""

from __future__ import annotations

import getpass
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

from batchfind.errors import InputError
from batchfind.execution.credentials import Credentials
from batchfind.execution.secret_sources import read_bytes
from batchfind.execution.tls_files import Named, TlsFiles, read_certificates
from batchfind.findscu.call import Password, TlsCall
from batchfind.findscu.logs import Log
from batchfind.job.transport_model import CrlCheck, FileFormat, Tls
from batchfind.net.tls import TlsClient
from batchfind.net.tls_material import MaterialError, certificates, private_key

_QUESTION: Final = "Enter PEM pass phrase:"

Ask = Callable[[str], str]


def prepare_tls(call: TlsCall, log: Log, ask: Ask) -> TlsClient:
    """The TLS client of a command line; blocks, also for a person.

    Args:
        call: the TLS options.
        log: told of trust that cannot be loaded, which is no reason to stop.
        ask: asks for the password of an encrypted key.

    Raises:
        InputError: key, certificate, password, list, profile or cipher cannot be
            used.
    """
    form = FileFormat.DER if call.der else FileFormat.PEM
    tls = Tls(
        name="findscu",
        profile=call.profile,
        key=call.key,
        certificate=call.certificate,
        format=form,
        system_ca=False,
        crl_check=CrlCheck(call.crl_check if call.verify else "none"),
        ciphers=call.ciphers,
        verify=call.verify,
    )
    key = _bytes_of(call.key)
    trusted = _trusted(call, form, log)
    _check(call, trusted)
    files = TlsFiles(
        tls=tls,
        source="TLS",
        key=key,
        certificate=_bytes_of(call.certificate),
        password=None if key is None else _password(call, key, ask),
        cas=trusted,
        crls=_revoked(call),
    )
    _use_seed(call, log)
    return TlsClient.prepare(files.settings()).towards(None, call.sni)


def ask_terminal(question: str) -> str:
    """Asks for a password at the terminal, and nowhere else.

    Raises:
        EOFError: there is no terminal, or no answer.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(f"{question} ")
        except getpass.GetPassWarning:
            raise EOFError from None


def write_seed(call: TlsCall, log: Log) -> None:
    """Writes random bytes to the file of `+ws` or `+wf`, at the very end."""
    if call.write_seed is not None:
        for problem in Credentials(seeds=[call.write_seed]).write_seeds():
            log.warn(problem)


def _bytes_of(path: Path | None) -> bytes | None:
    return None if path is None else read_bytes(str(path))


def _password(call: TlsCall, key: bytes, ask: Ask) -> bytes | None:
    """The password of the key; None when it needs none."""
    try:
        if not private_key(key, der=call.der).encrypted:
            return None
    except MaterialError:
        return None  # preparing says it better
    if call.password is not Password.PROMPT:
        return call.given.encode()
    try:
        return ask(_QUESTION).encode()
    except EOFError:
        message = f"no password for the encrypted key {call.key}; give it with +pw"
        raise InputError(message) from None


def _check(call: TlsCall, trusted: tuple[Named, ...]) -> None:
    """What findscu finds out in the handshake, which cannot succeed."""
    if not call.verify:
        return
    if not trusted:
        raise InputError(
            "no certificate is trusted: name one with +cf or a folder of them with"
            " +cd, or accept any peer with -ic"
        )
    if call.crl_check != "none" and not call.crls:
        raise InputError("+crv and +cra need a revocation list: name one with +crl")


def _revoked(call: TlsCall) -> tuple[Named, ...]:
    """The revocation lists, if anything is looked up in them."""
    paths = call.crls if call.verify else ()
    return tuple((str(path), read_bytes(str(path))) for path in paths)


def _trusted(call: TlsCall, form: FileFormat, log: Log) -> tuple[Named, ...]:
    found: list[Named] = []
    for path in call.ca_files:
        try:
            data = read_bytes(str(path))
            certificates(data, der=call.der)
        except InputError as error:
            log.warn(f"unable to load certificate file, ignoring: {error}")
        except MaterialError as error:
            log.warn(f"unable to load certificate file, ignoring: {path} {error}")
        else:
            found.append((str(path), data))
    for folder in call.ca_dirs:
        try:
            found.extend(read_certificates(folder, form))
        except InputError as error:
            log.warn(f"unable to load certificate directory, ignoring: {error}")
    return tuple(found)


def _use_seed(call: TlsCall, log: Log) -> None:
    if call.seed is None:
        return
    try:
        # Worth nothing by itself: the system's generator needs no help.
        ssl.RAND_add(read_bytes(str(call.seed)), 0.0)
    except InputError as error:
        log.warn(f"unable to load random seed, ignoring: {error}")
