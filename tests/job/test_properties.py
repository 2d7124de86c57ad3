"""Whatever the text, load_job returns a Job or raises JobError."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchfind.errors import JobError, Severity
from batchfind.job.loader import load_job
from batchfind.job.model import Job

WORDS = st.sampled_from(
    [
        *("version", "1", "name", "x", "peers", "queries", "model", "study", "keys"),
        *("PatientID", "host", "port", "104", "outputs", "include", "vars", "run"),
        *("rows", "from", "window", "matrix", "level", "STUDY", "null", "demo", "<<"),
        *("(0010,0020)", "{{ x }}", "*", "&a", "*a", "!!int", "-", "'", '"', "#c"),
        *(":", ": ", ",", "{", "}", "[", "]", "?", "|", ">", "%", "\t", "---"),
        *("\n", "\n  ", "\n    ", "\n      ", " ", "\x00", "\u2028", "é", "\\ud800"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=60).map("".join))


def load(raw: bytes) -> Job | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.yaml"
        path.write_bytes(raw)
        try:
            return load_job(path)
        except JobError as error:
            errors = [p for p in error.problems if p.severity is Severity.ERROR]
            assert errors
            assert all(problem.message for problem in errors)
            marks = [problem.mark for problem in error.problems]
            assert marks == sorted(marks)
            return None


@settings(deadline=None, max_examples=150)
@given(TEXTS)
@example("%YAML 1.99999999999999999999\n---\na")
@example("a: *a\n")
def test_any_text(text: str) -> None:
    load(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    load(raw)


HEAD = "version: 1\nname: x\npeers: {p: {host: h, port: 104}}\nqueries: {q: {"
FIELDS = st.sampled_from(
    [
        *("model", "level", "peers", "files", "keys", "return", "matrix", "exclude"),
        *("rows", "window", "repeat", "cancel", "explode", "carry", "lint", "x"),
    ]
)
SCALARS = st.one_of(
    st.integers().map(str),
    st.sampled_from(["study", "STUDY", "all", "none", "PatientID", "''", "StudyDate"]),
    st.sampled_from(["1d", "1h", "5", "true", "null", "ReferencedStudySequence", ""]),
)
NAMES = st.sampled_from(
    ["key", "from", "to", "step", "a", "PatientID", "times", "'0010,0020'", "columns"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(NAMES, inner, max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{k}: {v}" for k, v in pairs.items()) + "}"
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(FIELDS, VALUES, max_size=6))
def test_any_shape_of_a_query(fields: dict[str, str]) -> None:
    body = ", ".join(f"{name}: {value}" for name, value in fields.items())
    load(f"{HEAD}{body}}}}}\n".encode())
