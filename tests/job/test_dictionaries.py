"""DICOM dictionaries of a job, and those of DCMDICTPATH."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from batchfind.errors import JobError
from batchfind.job.loader import load_job
from batchfind.job.model import Job

Write: TypeAlias = Callable[..., Path]

TUBE = '(0055,"ACME CT 1.0",01)\tDS\tTubeAge\t1\tsite\n'
NEWEST = "(0018,9FF0)\tFD\tNewestAttribute\t1\tsite\n"
JOB = """\
version: 1
name: x
%s
peers: {pacs: {host: pacs.example.org, port: 104}}
queries:
  q: {model: study, level: STUDY, keys: {StudyInstanceUID: "", %s}}
"""


def load(write: Write, keys: str, line: str = "", variable: str = "") -> Job:
    return load_job(write(JOB % (line, keys)), environment={"DCMDICTPATH": variable})


class TestOfAJob:
    def test_give_keywords(self, write: Write) -> None:
        write(TUBE, "site.dic")
        job = load(write, "TubeAge: 3", "dictionaries: site.dic")
        entry = job.queries["q"].keys[1]
        assert entry.path.dotted == "TubeAge"
        assert entry.path.leaf.creator == "ACME CT 1.0"
        assert [Path(one.path).name for one in job.dictionaries] == ["site.dic"]

    def test_give_keywords_to_every_field_with_a_path(self, write: Write) -> None:
        write('(0055,"A",01)\tDA\tDayOfTube\t1\n(0055,"A",02)\tSQ\tTubes\t1\n', "a.dic")
        more = (
            "window: {key: DayOfTube, from: 20260101}, explode: Tubes, return: [Tubes]"
        )
        text = JOB % ("timezone: UTC\ndictionaries: [a.dic]", "PatientID: x")
        query = load_job(write(text.replace("x}}", f"x}}, {more}}}"))).queries["q"]
        assert query.window is not None
        assert str(query.window.key) == "DayOfTube"
        assert str(query.explode) == "Tubes"
        assert str(query.returns[0].path) == "Tubes"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "site.dic: dictionaries: there is no such file"),
            ("nonsense\n", "site.dic:1: dictionaries: needs a tag, VR, name"),
        ],
    )
    def test_must_be_readable(
        self, write: Write, text: str | None, message: str
    ) -> None:
        if text is not None:
            write(text, "site.dic")
        with pytest.raises(JobError, match=message):
            load(write, "PatientID: x", "dictionaries: site.dic")

    def test_suggest_their_names(self, write: Write) -> None:
        write(NEWEST, "site.dic")
        with pytest.raises(JobError, match="did you mean 'NewestAttribute'"):
            load(write, "NewestAtribute: 3", "dictionaries: site.dic")


class TestOfTheEnvironment:
    def test_are_read_before_those_of_the_job(
        self, write: Write, tmp_path: Path
    ) -> None:
        write(TUBE, "one.dic")
        write(TUBE.replace("DS", "IS"), "two.dic")
        line = "dictionaries: two.dic"
        job = load(write, "TubeAge: 3", line, str(tmp_path / "one.dic"))
        assert job.queries["q"].keys[1].path.vr == "IS"
        assert len(job.dictionaries) == 2

    def test_are_a_list(self, write: Write, tmp_path: Path) -> None:
        write(TUBE, "one.dic")
        write(NEWEST, "two.dic")
        named = [str(tmp_path / "one.dic"), "", str(tmp_path / "two.dic")]
        keys = "TubeAge: 3, NewestAttribute: 1"
        assert load(write, keys, variable=os.pathsep.join(named)).warnings == ()

    @pytest.mark.parametrize("text", [None, "nonsense\n"])
    def test_that_cannot_be_read_are_left_out(
        self, write: Write, tmp_path: Path, text: str | None
    ) -> None:
        if text is not None:
            write(text, "bad.dic")
        job = load(write, "PatientID: x", variable=str(tmp_path / "bad.dic"))
        (warning,) = job.warnings
        assert warning.path == "DCMDICTPATH"
        assert warning.message.endswith("this file of DCMDICTPATH is left out")
        assert job.dictionaries == ()

    def test_are_none_without_the_variable(self, write: Write) -> None:
        assert load_job(write(JOB % ("", "PatientID: x"))).dictionaries == ()
