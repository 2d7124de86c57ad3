"""The command `batchfind`, also as `python -m batchfind`."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Runs the command line.

    While its modules are being imported nothing can be kept or cleaned up, so that a
    Ctrl-C then simply ends the process, without a traceback.
    """
    # numpy would start a thread a core for linear algebra, which nothing here does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    asked = signal.getsignal(signal.SIGINT)
    if asked is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from batchfind.cli.main import main as command  # noqa: PLC0415 - as said above

    signal.signal(signal.SIGINT, asked)
    command()


if __name__ == "__main__":
    main()
