"""batchfind: a declarative batch runner for DICOM queries.

The public names live in `batchfind.api` and are imported when first used, so that
`import batchfind` costs next to nothing; `__init__.pyi` tells type checkers of them.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = [
    "BatchfindError",
    "ExitCode",
    "InputError",
    "Job",
    "JobError",
    "Plan",
    "Run",
    "RunResult",
    "StateError",
    "StorageError",
    "UsageError",
    "Verdict",
    "__version__",
    "arun",
    "load_job",
    "open_run",
    "run",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'batchfind' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - paid only when used

    return getattr(import_module("batchfind.api"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
