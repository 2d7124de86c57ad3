"""Hosts and local addresses as a job names them."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from batchfind.job.section import Section

_PORT: Final = re.compile(r"[^:]+:[0-9]+")


def host_problem(host: str) -> str:
    """Why a text names no host, or nothing; whether it exists is found out later."""
    if "{{" in host or "{%" in host:
        return "a host is no template; write its name, and one peer for each host"
    if "://" in host:
        return "a host is no URL; write its name alone"
    if host.startswith("["):
        return "an IPv6 address stands without brackets here"
    if _PORT.fullmatch(host):
        return "the port has a field of its own; write it under 'port'"
    if any(char.isspace() or not char.isprintable() for char in host):
        return "a host name holds no spaces and no control characters"
    return ""


def read_ip_version(peer: Section) -> int | None:
    """4, 6, or None for either; a host that is an address has to fit."""
    version = peer.integers("ip_version").get("ip_version")
    host = peer.text("host") or ""
    if version is not None and _version(host) not in {None, version}:
        peer.error("ip_version", f"{host} is no address of IP version {version}")
    return version


def read_bind(peer: Section) -> str | None:
    """The local address to connect from; problems are reported."""
    text = peer.text("bind")
    if text is None:
        return None
    bound = _version(text)
    if bound is None:
        message = "must be an IP address of this machine, such as 192.0.2.20"
        peer.error("bind", message)
        return text
    wanted = peer.integers("ip_version").get("ip_version")
    wanted = wanted or _version(peer.text("host") or "")
    if wanted not in {None, bound}:
        message = f"an address of IP version {bound} cannot reach one of version "
        peer.error("bind", f"{message}{wanted}")
    return text


def _version(text: str) -> int | None:
    """The IP version of an address; None for a name."""
    try:
        return ipaddress.ip_address(text).version
    except ValueError:
        return None
