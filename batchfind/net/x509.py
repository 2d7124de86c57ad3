"""What messages say about certificates; trust itself is OpenSSL's business."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from batchfind.net.der import (
    BIT_STRING,
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    DerError,
    Value,
    first,
)

_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"})
_EC = "1.2.840.10045.2.1"
_DSA = "1.2.840.10040.4.1"
_CURVE_BITS = {
    "1.2.840.10045.3.1.1": 192,
    "1.3.132.0.33": 224,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.10": 256,
    "1.3.36.3.3.2.8.1.1.7": 256,
    "1.3.132.0.34": 384,
    "1.3.36.3.3.2.8.1.1.11": 384,
    "1.3.36.3.3.2.8.1.1.13": 512,
    "1.3.132.0.35": 521,
}
_ALTERNATIVE_NAMES = "2.5.29.17"
_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
}
_DNS_NAME, _IP_ADDRESS, _EXTENSIONS, _VERSION = 0x82, 0x87, 0xA3, 0xA0
_BMP_STRING = 0x1E
#: Room for a distinguished name in a message, in characters.
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate as far as messages and key lengths need it.

    Attributes:
        subject, issuer: distinguished names for people: `CN=ris, O=Hospital`.
        subject_der, issuer_der: the same as encoded, for comparison.
        serial: number within the issuer.
        begins, ends: validity.
        key: RSA, EC, DSA or another object identifier.
        bits: length of the key; 0 when it is not known.
        names: DNS names and IP addresses it is issued for.

    Source: RFC 5280 Section 4.1.
    """

    subject: str
    issuer: str
    subject_der: bytes
    issuer_der: bytes
    serial: int
    begins: datetime
    ends: datetime
    key: str
    bits: int
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Reads one certificate.

        Raises:
            DerError: the bytes are no certificate.
        """
        try:
            return cls._parse(der)
        except (IndexError, ValueError) as error:
            raise DerError(f"no X.509 certificate: {error}") from error

    @classmethod
    def _parse(cls, der: bytes) -> Self:
        fields = list(first(der).expect(SEQUENCE).parts()[0].expect(SEQUENCE).parts())
        if fields[0].tag == _VERSION:
            del fields[0]
        serial, _, issuer, validity, subject, key_info, *rest = fields
        begins, ends = validity.parts()
        key, bits = _key(key_info)
        return cls(
            subject=_words(subject),
            issuer=_words(issuer),
            subject_der=subject.raw,
            issuer_der=issuer.raw,
            serial=serial.integer(),
            begins=_moment(begins),
            ends=_moment(ends),
            key=key,
            bits=bits,
            names=_alternative_names(rest),
        )

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are the same."""
        return self.subject_der == self.issuer_der

    def __str__(self) -> str:
        return f"{self.subject} (issued by {self.issuer})"


@dataclass(frozen=True, slots=True)
class RevocationList:
    """Serial numbers that an issuer has taken back.

    Attributes:
        issuer_der: distinguished name of the issuer as encoded.
        serials: of the revoked certificates.

    Source: RFC 5280 Section 5.1.
    """

    issuer_der: bytes
    serials: frozenset[int]

    @classmethod
    def parse(cls, der: bytes) -> Self:
        """Reads one list.

        Raises:
            DerError: the bytes are no revocation list.
        """
        try:
            return cls._parse(der)
        except (IndexError, ValueError) as error:
            raise DerError(f"no X.509 revocation list: {error}") from error

    @classmethod
    def _parse(cls, der: bytes) -> Self:
        fields = list(first(der).expect(SEQUENCE).parts()[0].expect(SEQUENCE).parts())
        if fields[0].tag == INTEGER:
            del fields[0]
        _, issuer, update, *rest = fields
        _moment(update)
        entries = [each for each in rest if each.tag == SEQUENCE]
        revoked = entries[0].parts() if entries else ()
        serials = frozenset(entry.parts()[0].integer() for entry in revoked)
        return cls(issuer.expect(SEQUENCE).raw, serials)


def _key(info: Value) -> tuple[str, int]:
    algorithm, key = info.expect(SEQUENCE).parts()
    oid, *parameters = algorithm.parts()
    material = key.expect(BIT_STRING).content[1:]
    name = oid.oid()
    if name in _RSA:
        return "RSA", first(material).parts()[0].integer().bit_length()
    if name == _EC:
        return "EC", _CURVE_BITS.get(parameters[0].oid(), 0)
    if name == _DSA:
        return "DSA", 0
    return name, 0


def _words(name: Value) -> str:
    """A distinguished name as one harmless line, most specific attribute first."""
    found = []
    for relative in reversed(name.expect(SEQUENCE).parts()):
        for attribute in relative.parts():
            kind, value = attribute.parts()
            encoding = "utf-16-be" if value.tag == _BMP_STRING else "utf-8"
            text = value.content.decode(encoding, "replace")
            found.append(f"{_ATTRIBUTES.get(kind.oid(), kind.oid())}={text}")
    line = ", ".join(found) or "an empty name"
    shown = "".join(each if each.isprintable() else "?" for each in line)
    return shown if len(shown) <= _LONGEST_NAME else shown[: _LONGEST_NAME - 3] + "..."


def _moment(value: Value) -> datetime:
    text = value.content.decode("ascii")
    if value.tag == UTC_TIME:
        century = "20" if int(text[:2]) < 50 else "19"
        text = century + text
    elif value.tag != GENERALIZED_TIME:
        raise DerError(f"tag {value.tag:02X} where a time belongs")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _alternative_names(fields: list[Value]) -> tuple[str, ...]:
    for field in fields:
        if field.tag != _EXTENSIONS:
            continue
        for extension in field.parts()[0].parts():
            oid, *_, octets = extension.parts()
            if oid.oid() == _ALTERNATIVE_NAMES:
                return tuple(
                    _general_name(name)
                    for name in first(octets.content).parts()
                    if name.tag in (_DNS_NAME, _IP_ADDRESS)
                )
    return ()


def _general_name(name: Value) -> str:
    if name.tag == _IP_ADDRESS:
        return str(ipaddress.ip_address(name.content))
    return name.content.decode("ascii", "replace")
