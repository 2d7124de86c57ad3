"""One association of the replay SCP, on a plain non-blocking socket."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

from benchmarks.replay.answers import blocks, data_sets
from benchmarks.replay.encoding import EXPLICIT_LE, IMPLICIT_LE, final, pending

_HEADER = 6
_ASSOCIATE_RQ, _P_DATA, _RELEASE_RQ = 1, 4, 5
_FIND_RQ, _ECHO_RQ = 0x0020, 0x0030
_RELEASE_RP = struct.pack(">BBLL", 6, 0, 4, 0)
_ABORT = struct.pack(">BBLL", 7, 0, 4, 0)
_OURS = b"1.2.826.0.1.3680043.10.997"


@dataclass(frozen=True, slots=True)
class Script:
    """How the SCP answers.

    Attributes:
        kind: of the responses.
        responses: to each C-FIND.
        latency: seconds before an answer.
        transfer_syntax: the one accepted where it is proposed.
        abort_every: instead of this answer of an association, and every so many more,
            half of one and A-ABORT; 0 for never.
    """

    kind: str = "study"
    responses: int = 1
    latency: float = 0.0
    transfer_syntax: str = EXPLICIT_LE
    abort_every: int = 0


class Association:
    """Answers every C-FIND of one connection as its script says."""

    def __init__(self, sock: socket.socket, script: Script) -> None:
        self._socket = sock
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._unread = bytearray()
        self._contexts: dict[int, tuple[str, str]] = {}
        self._command = b""
        self._answers = 0

    async def serve(self) -> None:
        """Answers until the SCU releases or the connection ends."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                kind, body = await self._pdu()
                if kind == _ASSOCIATE_RQ:
                    await self._send(self._accept(body))
                elif kind == _P_DATA:
                    await self._data(body)
                elif kind == _RELEASE_RQ:
                    await self._send(_RELEASE_RP)
                    return
                else:
                    return
        except (ConnectionError, EOFError):
            return
        finally:
            self._socket.close()

    async def _pdu(self) -> tuple[int, bytes]:
        await self._fill(_HEADER)
        kind, length = self._unread[0], struct.unpack_from(">L", self._unread, 2)[0]
        await self._fill(_HEADER + length)
        body = bytes(self._unread[_HEADER : _HEADER + length])
        del self._unread[: _HEADER + length]
        return kind, body

    async def _fill(self, size: int) -> None:
        while len(self._unread) < size:
            data = await self._loop.sock_recv(self._socket, 1 << 16)
            if not data:
                raise EOFError
            self._unread += data

    async def _send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    def _accept(self, body: bytes) -> bytes:
        results = b""
        position = 68
        while position + 4 <= len(body):
            kind, length = (
                body[position],
                struct.unpack_from(">H", body, position + 2)[0],
            )
            if kind == 0x20:
                results += self._result(body[position + 4 : position + 4 + length])
            position += 4 + length
        user = _item(0x51, struct.pack(">L", 0)) + _item(0x52, _OURS)
        items = _item(0x10, b"1.2.840.10008.3.1.1.1") + results + _item(0x50, user)
        answer = struct.pack(">HH", 1, 0) + body[4:68] + items
        return struct.pack(">BBL", 2, 0, len(answer)) + answer

    def _result(self, context: bytes) -> bytes:
        number, position = context[0], 4
        abstract, offered = "", []
        while position + 4 <= len(context):
            kind, length = (
                context[position],
                struct.unpack_from(">H", context, position + 2)[0],
            )
            uid = context[position + 4 : position + 4 + length].rstrip(b"\0").decode()
            if kind == 0x30:
                abstract = uid
            else:
                offered.append(uid)
            position += 4 + length
        wanted = self._script.transfer_syntax
        chosen = wanted if wanted in offered else IMPLICIT_LE
        self._contexts[number] = (abstract, chosen)
        syntax = _item(0x40, chosen.encode())
        return _item(0x21, struct.pack(">BBBB", number, 0, 0, 0) + syntax)

    async def _data(self, body: bytes) -> None:
        position = 0
        while position + 6 <= len(body):
            length, context, control = struct.unpack_from(">LBB", body, position)
            if control & 1:
                self._command += body[position + 6 : position + 4 + length]
            position += 4 + length
            if control & 2 and (not control & 1 or _is_alone(self._command)):
                command, self._command = self._command, b""
                await self._answer(context, command)

    async def _answer(self, context: int, command: bytes) -> None:
        field, message_id = _us(command, 0x0100), _us(command, 0x0110)
        if field != _FIND_RQ:
            return
        if self._script.latency:
            await asyncio.sleep(self._script.latency)
        sop_class, syntax = self._contexts[context]
        script = self._script
        self._answers += 1
        if script.abort_every and self._answers % script.abort_every == 0:
            await self._abort(context, message_id)
            return
        if message_id == 1 and script.responses > 1:
            for block in blocks(
                script.kind, script.responses, syntax, context, sop_class
            ):
                await self._send(block)
            return
        found = data_sets(script.kind, script.responses, syntax)
        answer = [pending(context, sop_class, message_id, one) for one in found]
        await self._send(b"".join(answer) + final(context, sop_class, message_id))

    async def _abort(self, context: int, message_id: int) -> None:
        """Half an answer, then A-ABORT and the end of the connection."""
        sop_class, syntax = self._contexts[context]
        found = data_sets(self._script.kind, self._script.responses, syntax)
        half = found[: len(found) // 2]
        answer = [pending(context, sop_class, message_id, one) for one in half]
        await self._send(b"".join(answer) + _ABORT)
        raise EOFError


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(content)) + content


def _us(command: bytes, element: int) -> int:
    """A US of a command set, 0 when absent."""
    head = struct.pack("<HHL", 0, element, 2)
    at = command.find(head)
    return int.from_bytes(command[at + 8 : at + 10], "little") if at >= 0 else 0


def _is_alone(command: bytes) -> bool:
    """Whether no data set follows. Source: PS3.7 Table E.1-1, (0000,0800)."""
    return _us(command, 0x0800) == 0x0101
