"""`python -m benchmarks.replay`: prints its ports as one line of JSON, then serves."""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import sys

from benchmarks.replay.answers import KINDS, blocks
from benchmarks.replay.association import Association, Script
from benchmarks.replay.encoding import EXPLICIT_LE, IMPLICIT_LE

_SYNTAXES = {"explicit": EXPLICIT_LE, "implicit": IMPLICIT_LE}


async def serve(script: Script, peers: int) -> None:
    """Listens on so many ports of the loopback until stdin is closed."""
    loop = asyncio.get_running_loop()
    listeners = [_listener() for _ in range(peers)]
    tasks = [asyncio.create_task(_accept(one, script)) for one in listeners]
    ports = [one.getsockname()[1] for one in listeners]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()


def _listener() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    listener.setblocking(False)
    return listener


async def _accept(listener: socket.socket, script: Script) -> None:
    loop = asyncio.get_running_loop()
    serving = set()
    while True:
        sock, _ = await loop.sock_accept(listener)
        task = asyncio.create_task(Association(sock, script).serve())
        serving.add(task)
        task.add_done_callback(serving.discard)


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay")
    parser.add_argument("--kind", choices=sorted(KINDS), default="study")
    parser.add_argument("--responses", type=int, default=1, help="to each C-FIND")
    parser.add_argument("--latency", type=float, default=0.0, help="in milliseconds")
    parser.add_argument("--peers", type=int, default=1, help="ports to listen on")
    parser.add_argument("--syntax", choices=sorted(_SYNTAXES), default="explicit")
    parser.add_argument(
        "--abort-every", type=int, default=0, help="answers of an association"
    )
    parser.add_argument("--sop-class", help="encode its answer before serving")
    given = parser.parse_args()
    syntax = _SYNTAXES[given.syntax]
    if given.sop_class:
        blocks(given.kind, given.responses, syntax, 1, given.sop_class)
    script = Script(
        given.kind,
        given.responses,
        given.latency / 1000,
        syntax,
        abort_every=given.abort_every,
    )
    asyncio.run(serve(script, given.peers))


if __name__ == "__main__":
    main()
