"""Whether a certificate is issued for a name: the subject alternative names decide."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

_IP, _DNS = "IP Address", "DNS"


def ascii_name(name: str) -> str:
    """A host name as certificates hold it: lower case, IDNA, without a final dot.

    Raises:
        ValueError: it is no host name.
    """
    plain = name.removesuffix(".")
    if not plain or plain.startswith("."):
        raise ValueError(f"{name!r} is no host name")
    if plain.isascii():
        return plain.lower()
    return plain.encode("idna").decode("ascii").lower()


def is_address(name: str) -> bool:
    """Whether the name is an IP address rather than a DNS name."""
    return _address(name) is not None


def matches(name: str, alternatives: Iterable[tuple[str, str]]) -> bool:
    """Whether one of the alternative names covers the name.

    A DNS name matches label by label; `*` stands for the whole left-most label and
    for no other. An IP address matches only an equal one. The common name is never
    looked at.

    Args:
        name: DNS name or IP address that is wanted.
        alternatives: kind and value, as `ssl` reports them.

    Source: RFC 9525 Section 6.
    """
    address = _address(name)
    if address is not None:
        return any(
            kind == _IP and _address(value.strip()) == address
            for kind, value in alternatives
        )
    wanted = ascii_name(name).split(".")
    return any(
        kind == _DNS and _covers(value.removesuffix(".").lower().split("."), wanted)
        for kind, value in alternatives
    )


def _covers(pattern: list[str], wanted: list[str]) -> bool:
    if pattern[0] == "*" and len(pattern) > 2:
        return len(pattern) == len(wanted) and pattern[1:] == wanted[1:]
    return "*" not in "".join(pattern) and pattern == wanted


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
