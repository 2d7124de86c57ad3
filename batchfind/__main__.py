"""The command `batchfind`, also as `python -m batchfind`."""

from __future__ import annotations

import gc
import os
import signal

#: Objects more than were freed since the last collection, and how seldom older ones are
#: looked at. Modules and plans live as long as the process; looking through them for
#: garbage again and again costs a twentieth of the time until a run begins.
_COLLECT_AFTER = (200_000, 20, 50)


def main() -> None:
    """Runs the command line.

    While its modules are being imported nothing can be kept or cleaned up, so that a
    Ctrl-C then simply ends the process, without a traceback.
    """
    # numpy would start a thread a core for linear algebra, which nothing here does.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Arrow would keep freed blocks: what one large response took stayed taken.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    gc.set_threshold(*_COLLECT_AFTER)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from batchfind.cli.main import main as command  # noqa: PLC0415 - as said above

    command()


if __name__ == "__main__":
    main()
