"""Templates are found in a text in one pass, whatever it opens."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.errors import JobError
from batchfind.job.embedded import templates_in, without_templates
from batchfind.job.loader import load_job

DEFINITION: Final = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
"""Short, and quadratic."""


class TestATemplate:
    @given(st.text("{}%a\n", max_size=40))
    def test_is_what_the_definition_says(self, text: str) -> None:
        assert [*templates_in(text)] == [
            one.span() for one in DEFINITION.finditer(text)
        ]
        assert without_templates(text) == DEFINITION.sub("", text)

    @pytest.mark.parametrize("opening", ["{{", "{%", "{{ query", "{{{%", "{{ x }} {%"])
    def test_that_never_ends_costs_no_time(self, tmp_path: Path, opening: str) -> None:
        """A definition that looks for each end anew needs minutes for this job."""
        value = opening * (200_000 // len(opening))
        path = tmp_path / "job.yaml"
        path.write_text(
            "version: 1\nname: x\npeers: {p: {host: h, port: 1}}\nqueries:\n"
            "  a: {model: worklist, peers: p, keys: {PatientID: x}}\n"
            "  b: {model: worklist, peers: p, keys: {PatientID: x}}\n"
            f'outputs: [{{format: csv, path: "{value}"}}]\n',
            "utf-8",
        )
        with suppress(JobError):
            load_job(path)
