"""Keys, certificates and revocation lists in the forms OpenSSL takes them."""

from __future__ import annotations

import base64
import binascii
import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from batchfind.net.der import INTEGER, OCTET_STRING, SEQUENCE, DerError, Value, first

# A block ends where another begins, so that what never ends is read once.
_BLOCK = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]{1,64})-----((?:(?!-----BEGIN ).)+?)-----END \1-----",
    re.DOTALL | re.ASCII,
)
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})
_REVOCATION_LIST = "X509 CRL"
_KEY = "PRIVATE KEY"
_ENCRYPTED_KEY = "ENCRYPTED PRIVATE KEY"
_LINE = 64  # characters of base64, RFC 7468 Section 2
_DESCRIPTORS = Path("/proc/self/fd"), Path("/dev/fd")


class MaterialError(ValueError):
    """Bytes that are not what they are given for; the text follows a file's name."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key in PEM.

    Attributes:
        encrypted: it needs a password.
    """

    pem: bytes = field(repr=False)
    encrypted: bool = False


def certificates(data: bytes, *, der: bool) -> tuple[bytes, ...]:
    """Every certificate of a file, each in DER; PEM files may hold other text too.

    Raises:
        MaterialError: there is none.
    """
    return _of_kind(data, _CERTIFICATES, "certificate", der=der)


def revocation_lists(data: bytes, *, der: bool) -> tuple[bytes, ...]:
    """Every revocation list of a file, each in DER.

    Raises:
        MaterialError: there is none.
    """
    return _of_kind(data, frozenset({_REVOCATION_LIST}), "revocation list", der=der)


def private_key(data: bytes, *, der: bool) -> PrivateKey:
    """The first private key of a file.

    Raises:
        MaterialError: there is none.
    """
    if der:
        label = _key_label(data)
        return PrivateKey(_pem(label, data), label == _ENCRYPTED_KEY)
    for block in _BLOCK.finditer(data):
        label = block[1].decode("ascii")
        if label.endswith(_KEY):
            sealed = label == _ENCRYPTED_KEY or b"Proc-Type: 4,ENCRYPTED" in block[2]
            return PrivateKey(block[0] + b"\n", sealed)
    raise MaterialError(_nothing("private key", data, der=False))


def certificates_pem(chain: tuple[bytes, ...]) -> bytes:
    """Certificates as one PEM file."""
    return "".join(map(ssl.DER_cert_to_PEM_cert, chain)).encode("ascii")


def revocation_lists_pem(lists: tuple[bytes, ...]) -> bytes:
    """Revocation lists as one PEM file."""
    return b"".join(_pem(_REVOCATION_LIST, each) for each in lists)


@contextmanager
def nameless_file(data: bytes) -> Iterator[str]:
    """A path by which OpenSSL can open bytes that no directory holds.

    In memory where the system can; else in a file that is deleted before it is
    written, so that a key is never found under a name.
    """
    with _anonymous() as file:
        file.write(data)
        file.flush()
        file.seek(0)
        folder = next((each for each in _DESCRIPTORS if each.is_dir()), None)
        if folder is None:
            raise OSError("this system has no /dev/fd")
        yield str(folder / str(file.fileno()))


def _anonymous() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("batchfind"), "w+b")
    return tempfile.TemporaryFile()


def _of_kind(
    data: bytes, labels: frozenset[str], noun: str, *, der: bool
) -> tuple[bytes, ...]:
    if der:
        return (_whole(data, noun),)
    found = tuple(
        _whole(_decoded(block[2], noun), noun, trailing=True)
        for block in _BLOCK.finditer(data)
        if block[1].decode("ascii") in labels
    )
    if not found:
        raise MaterialError(_nothing(noun, data, der=False))
    return found


def _whole(data: bytes, noun: str, *, trailing: bool = False) -> bytes:
    """One DER value; a TRUSTED CERTIFICATE is followed by OpenSSL's own notes."""
    try:
        value = first(data).expect(SEQUENCE)
    except DerError:
        raise MaterialError(_nothing(noun, data, der=True)) from None
    if value.raw != data and not trailing:
        raise MaterialError(f"holds more than one DER {noun}")
    return value.raw


def _decoded(text: bytes, noun: str) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise MaterialError(f"holds a damaged {noun}") from None


def _nothing(noun: str, data: bytes, *, der: bool) -> str:
    if der and _BLOCK.search(data):
        return f"holds PEM, not a DER {noun}; set format: pem"
    if not der and data[:1] == bytes((SEQUENCE,)):
        return f"holds DER, not a PEM {noun}; set format: der"
    return f"holds no {noun} in {'DER' if der else 'PEM'}"


def _key_label(data: bytes) -> str:
    """What PEM calls the structure. Source: RFC 5958, RFC 8017 A.1.2, RFC 5915."""
    try:
        parts = first(data).expect(SEQUENCE).parts()
        return _label_of(parts)
    except (DerError, IndexError):
        raise MaterialError(_nothing("private key", data, der=True)) from None


def _label_of(parts: tuple[Value, ...]) -> str:
    if parts[0].tag == SEQUENCE and parts[1].tag == OCTET_STRING:
        return _ENCRYPTED_KEY
    if parts[0].expect(INTEGER) and parts[1].tag == SEQUENCE:
        return _KEY
    if parts[1].tag == OCTET_STRING:
        return "EC PRIVATE KEY"
    return "DSA PRIVATE KEY" if len(parts) == 6 else "RSA PRIVATE KEY"


def _pem(label: str, der: bytes) -> bytes:
    text = base64.b64encode(der).decode("ascii")
    lines = [text[at : at + _LINE] for at in range(0, len(text), _LINE)]
    body = "\n".join(lines)
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----\n".encode("ascii")
