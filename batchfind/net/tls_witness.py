"""What passes during a TLS handshake that OpenSSL does not tell afterwards.

When a certificate is refused, Python's `ssl` says why, but not which one, and it
never says whether the peer asked for ours. Both stand in the handshake messages,
which a debugging hook of `ssl.SSLContext` shows. It is not documented, so everything
here also works, with shorter messages, in a Python without it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from batchfind.net.der import DerError
from batchfind.net.x509 import Certificate

_ALERT, _HANDSHAKE = 21, 22
_CLOSE_NOTIFY = 0
_NEW_SESSION_TICKET, _CERTIFICATE, _CERTIFICATE_REQUEST = 4, 11, 13
_MESSAGE_HEADER = 4


class Witness:
    """What one peer sent.

    Attributes:
        chain: certificates in the order sent, its own first.
        asked: it asked for our certificate, or nobody can tell.
        ticket: it gave a session ticket, which in TLS 1.3 comes after our
            certificate was accepted.
        alert: number of the alert by which it ended the connection, or None.
    """

    def __init__(self, *, asked: bool = False) -> None:
        self.chain: tuple[Certificate, ...] = ()
        self.asked = asked
        self.ticket = False
        self.alert: int | None = None

    def see(self, kind: int, message: bytes, *, version: int) -> None:
        """Takes note of a handshake message from the peer.

        Args:
            kind: its type. Source: RFC 8446 Section 4.
            message: with its header of four bytes.
            version: of the protocol, 0x0304 for TLS 1.3.
        """
        if kind == _CERTIFICATE:
            modern = version == ssl.TLSVersion.TLSv1_3
            self.chain = tuple(_certificates(message[_MESSAGE_HEADER:], modern=modern))
        elif kind == _CERTIFICATE_REQUEST:
            self.asked = True
        elif kind == _NEW_SESSION_TICKET:
            self.ticket = True


class Witnesses:
    """The witnesses of every connection of one context."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._by_connection: WeakKeyDictionary[ssl.SSLObject, Witness] = (
            WeakKeyDictionary()
        )
        self._able = hasattr(context, "_msg_callback")
        if self._able:
            setattr(context, "_msg_callback", self._see)  # noqa: B010 - not in stubs

    def of(self, connection: ssl.SSLObject) -> Witness:
        """The witness of a connection, from before its handshake."""
        return self._by_connection.setdefault(connection, Witness(asked=not self._able))

    def _see(
        self,
        connection: ssl.SSLObject,
        direction: str,
        version: int,
        content_type: int,
        message_type: int,
        data: bytes,
    ) -> Any:
        if direction != "read" or content_type not in (_ALERT, _HANDSHAKE):
            return
        witness = self._by_connection.get(connection)
        if witness is None:
            return
        if content_type == _HANDSHAKE:
            witness.see(message_type, data, version=version)
        elif data[-1:] and data[-1] != _CLOSE_NOTIFY:
            witness.alert = data[-1]


def _certificates(body: bytes, *, modern: bool) -> Iterator[Certificate]:
    """Those of a Certificate message that can be read.

    Source: RFC 8446 Section 4.4.2, RFC 5246 Section 7.4.2.
    """
    at = 1 + body[0] if modern and body else 0
    at += 3
    while at + 3 <= len(body):
        length = int.from_bytes(body[at : at + 3], "big")
        at += 3
        try:
            yield Certificate.parse(body[at : at + length])
        except DerError:
            return
        at += length
        if modern:
            at += 2 + int.from_bytes(body[at : at + 2], "big")
