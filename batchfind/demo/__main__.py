"""Runs the demo peers as a child process: `python -m batchfind.demo`.

Once both listen, one line of JSON on stdout says where. The process ends on
SIGTERM and when its stdin reaches its end, which is what happens to a pipe when
the parent dies, however it dies.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from datetime import datetime
from typing import Any

from batchfind.demo.capping import Cap, CapStyle
from batchfind.demo.server import serve


def main() -> None:
    """Serves until the parent is gone, then ends at once."""
    options = _options()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
    cap = Cap(options.cap, options.cap_style) if options.cap else None
    serve(
        options.pacs_port,
        options.worklist_port,
        options.now,
        _announce,
        stop,
        studies=options.studies,
        cap=cap,
    )
    # pynetdicom's reactor threads are no daemons: one stuck in a send would keep
    # the process alive after everybody who could read it has gone.
    os._exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m batchfind.demo")
    parser.add_argument("--pacs-port", type=int, default=0)
    parser.add_argument("--worklist-port", type=int, default=0)
    parser.add_argument(
        "--now",
        type=datetime.fromisoformat,
        default=datetime.now().astimezone(),
        help="ISO 8601 clock the worklist is built around",
    )
    parser.add_argument("--studies", type=int, default=0)
    parser.add_argument("--cap", type=int, help="responses to one request at most")
    parser.add_argument("--cap-style", type=CapStyle, default=CapStyle.SILENT)
    return parser.parse_args()


def _announce(announcement: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()


def _watch_parent(stop: threading.Event) -> None:
    # os.read holds no lock of sys.stdin, on which the interpreter's exit would wait
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    main()
