from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import batchfind
from batchfind import api

ROOT = Path(__file__).parents[2]

SURFACE = [
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
    "arun",
    "load_job",
    "open_run",
    "run",
]


class TestThePublicSurface:
    def test_is_exactly_this(self) -> None:
        assert [name for name in batchfind.__all__ if name != "__version__"] == SURFACE
        assert dir(batchfind) == sorted(batchfind.__all__)

    def test_is_the_apis(self) -> None:
        assert api.__all__ == SURFACE
        for name in SURFACE:
            assert getattr(batchfind, name) is getattr(api, name)

    def test_is_what_type_checkers_are_told(self) -> None:
        stub = ast.parse((ROOT / "batchfind/__init__.pyi").read_text("utf-8"))
        imported = [
            alias.name
            for node in stub.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        ]
        (exported,) = [
            ast.literal_eval(node.value)
            for node in stub.body
            if isinstance(node, ast.Assign)
        ]
        assert imported == SURFACE
        assert exported == batchfind.__all__

    def test_has_docstrings(self) -> None:
        for name in SURFACE:
            assert getattr(batchfind, name).__doc__

    def test_has_nothing_else(self) -> None:
        with pytest.raises(AttributeError, match="no attribute 'secret'"):
            batchfind.secret  # type: ignore[attr-defined]  # noqa: B018

    def test_costs_nothing_until_it_is_used(self) -> None:
        script = (
            "import sys, batchfind\n"
            "assert 'batchfind.api' not in sys.modules\n"
            "batchfind.load_job\n"
            "heavy = {'pandas', 'pyarrow', 'rich', 'jinja2', 'yaml', 'pynetdicom'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        )
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
