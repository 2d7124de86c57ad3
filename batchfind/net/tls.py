"""TLS towards a peer: everything read and checked before the first connection."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import Self

from batchfind.dicom.tls import PROFILES, SUITES, TlsProfile, TlsSuite, refusal
from batchfind.errors import InputError
from batchfind.net.settings import TlsSettings
from batchfind.net.tls_names import ascii_name, is_address
from batchfind.net.tls_session import TlsSession
from batchfind.net.tls_suites import examine, restrict, usable
from batchfind.net.tls_trust import load_own, load_trust
from batchfind.net.tls_witness import Witnesses

#: Source: PS3.8 Section 9.1.4, IANA TLS ALPN Protocol IDs.
_APPLICATION_PROTOCOL = "dicom"


class TlsClient:
    """Makes TLS connections under one set of settings; shows none of its secrets.

    Attributes:
        settings: what it was made from.
    """

    def __init__(
        self, settings: TlsSettings, context: ssl.SSLContext, witnesses: Witnesses
    ) -> None:
        """Use `prepare`.

        Args:
            settings: names included.
            context: of `ssl`, without any name.
            witnesses: of the context's connections.
        """
        self.settings = settings
        self._context = context
        self._witnesses = witnesses

    @classmethod
    def prepare(cls, settings: TlsSettings) -> Self:
        """Loads keys, certificates and lists; blocks, so before the loop starts.

        Raises:
            InputError: something cannot be used, in one sentence that says where.
        """
        profile = _profile(settings)
        _check_names(settings)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        restrict(context, profile, _suites(profile, settings))
        # Who accepts a renegotiation can be made to answer for ever.
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.hostname_checks_common_name = False
        context.set_alpn_protocols([_APPLICATION_PROTOCOL])
        load_trust(context, settings)
        if settings.certificate is not None:
            load_own(context, settings, profile)
        return cls(settings, context, Witnesses(context))

    def towards(self, verify_name: str | None, sni: str | None) -> Self:
        """The same for another peer; shares what was loaded.

        Args:
            verify_name: the name its certificate must hold, or None for any.
            sni: server name indication, or None.

        Raises:
            InputError: one of them is no host name.
        """
        settings = replace(self.settings, verify_name=verify_name, sni=sni)
        _check_names(settings)
        return type(self)(settings, self._context, self._witnesses)

    def begin(self) -> TlsSession:
        """A new connection, its handshake not yet begun."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # Read by OpenSSL when the connection is made, so it may differ between them.
        self._context.check_hostname = self._openssl_checks_name
        connection = self._context.wrap_bio(
            incoming, outgoing, server_hostname=self._server_name
        )
        witness = self._witnesses.of(connection)
        return TlsSession(connection, incoming, outgoing, witness, self.settings)

    @property
    def _openssl_checks_name(self) -> bool:
        """Whether the name sent is the one wanted: then OpenSSL refuses by itself.

        That is earlier: a peer of the wrong name does not see our certificate.
        """
        wanted = _normal(self.settings.verify_name)
        return self.settings.verify and self._server_name == wanted is not None

    @property
    def _server_name(self) -> str | None:
        """What `ssl` gets as server name; it never sends an address, but checks it."""
        sni, wanted = self.settings.sni, self.settings.verify_name
        if sni is None and wanted is not None and is_address(wanted):
            return wanted
        return _normal(sni)


def _profile(settings: TlsSettings) -> TlsProfile:
    profile = PROFILES.get(settings.profile)
    if profile is None:
        raise InputError(
            f"{settings.source}.profile: there is no profile {settings.profile!r}; "
            f"choose one of {', '.join(PROFILES)}"
        )
    if not usable(profile):
        missing = examine(profile, profile.mandatory)[0]
        raise InputError(
            f"{settings.source}.profile: the profile {profile.name} cannot be used on "
            f"this machine, it needs {missing.suite.name}: {missing.problem}; "
            "choose another profile"
        )
    return profile


def _suites(profile: TlsProfile, settings: TlsSettings) -> tuple[TlsSuite, ...]:
    """Those of the profile, then those that are added."""
    for name in settings.ciphers:
        if fault := refusal(profile, name):
            raise InputError(f"{settings.source}.ciphers: {fault}")
    added = tuple(SUITES[name] for name in settings.ciphers)
    for each in examine(profile, added):
        if each.problem:
            raise InputError(
                f"{settings.source}.ciphers: {each.suite.name} cannot be used on this "
                f"machine: {each.problem}; remove it"
            )
    return tuple(dict.fromkeys((*profile.suites, *added)))


def _check_names(settings: TlsSettings) -> None:
    for field, name in (
        ("verify_hostname", settings.verify_name),
        ("sni", settings.sni),
    ):
        try:
            _normal(name)
        except ValueError:
            raise InputError(
                f"{settings.source}.{field}: {name!r} is no host name; correct it"
            ) from None


def _normal(name: str | None) -> str | None:
    """A name as it goes on the wire.

    Raises:
        ValueError: it is no host name.
    """
    return name if name is None or is_address(name) else ascii_name(name)
