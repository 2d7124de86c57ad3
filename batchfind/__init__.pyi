from batchfind.api import (
    BatchfindError,
    ExitCode,
    Job,
    JobError,
    Plan,
    Run,
    RunResult,
    StateError,
    StorageError,
    UsageError,
    Verdict,
    arun,
    load_job,
    open_run,
    run,
)

__version__: str

__all__ = [
    "BatchfindError",
    "ExitCode",
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
