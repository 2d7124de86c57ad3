"""docs/security.md names the limits that the code has.

After a change of one, `REWRITE_DOCS=1 pytest tests/docs` writes its tables anew. Where
each limit is tested: announced lengths and PDUs in tests/ul/test_hostile.py and
tests/security/test_hostile_answers.py; command and data sets in
tests/dimse/test_messages.py; Identifiers in tests/dicom/test_scalar.py; limits of one
request in tests/execution/test_asking.py and
tests/interop/test_hostile_endings.py; YAML in tests/job/test_yaml_traps.py;
templates in tests/plan/test_templates.py; key paths in tests/dicom/test_paths.py; rows
and Identifier files in tests/sources; secrets in tests/execution/test_credentials.py;
stored sets in tests/capture/test_codec.py. Those that none of them has are in
tests/security/test_limits.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from batchfind.capture.codec import MAX_RAW_BYTES
from batchfind.capture.journal import QUEUE_BYTES
from batchfind.cli.text import size
from batchfind.dicom import paths
from batchfind.dicom.raw import DecodeLimits
from batchfind.dimse.assembler import LONGEST_COMMAND, LONGEST_DATA_SET
from batchfind.execution.secret_sources import MOST_BYTES
from batchfind.job import documents, yaml_nodes
from batchfind.job.model import PerRequest, RunPolicy
from batchfind.job.report import MOST_PROBLEMS
from batchfind.net import find, resolver
from batchfind.net.settings import Timeouts
from batchfind.plan.sandbox import MAX_RENDERED
from batchfind.plan.templates import MAX_TEMPLATE
from batchfind.sources import dictionaries, elements, identifiers, parquet, rows
from batchfind.sources.xml_tree import _MOST_DECLARED
from batchfind.tables.reading import RESPONSE_LIMITS
from batchfind.ul import association, decode, header

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs/security.md"
Row = tuple[str, str, str]

DEFECT: Final = "that response is a defect, its request `suspect`"


def bytes_of(number: int) -> str:
    """`64 KiB`; a size that is no whole number of its unit would be rounded."""
    text = size(number).replace(".0 ", " ")
    assert "." not in text
    return text


def of_peers() -> Sequence[Row]:
    one = DecodeLimits()
    overshoot = f"{association._OVERSHOOT} times the `max_pdu` offered, at most "
    longest = bytes_of(association._LONGEST_DATA)
    return (
        ("P-DATA-TF", overshoot + longest, "`protocol-pdu`"),
        ("A-ASSOCIATE-AC", bytes_of(header.LONGEST_AC), "`bad-accept`"),
        ("presentation contexts in it", f"{decode._MOST_CONTEXTS}", "`bad-accept`"),
        (
            "A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP",
            f"{header.SHORT_BODY} bytes exactly",
            "`protocol-pdu`",
        ),
        ("a command set", bytes_of(LONGEST_COMMAND), "`limit`"),
        (
            "data sets not yet ended, of one association",
            bytes_of(LONGEST_DATA_SET),
            "`limit`",
        ),
        (
            "an Identifier, inflated",
            bytes_of(RESPONSE_LIMITS.data_set_bytes),
            f"as it came in the capture and in DICOM files; {DEFECT}",
        ),
        ("elements and items in it", f"{one.elements:,}", DEFECT),
        ("sequences within sequences", f"{one.depth}", DEFECT),
        ("values of one element", f"{one.values:,}", DEFECT),
        ("bytes of one value field", bytes_of(one.value_bytes), DEFECT),
        ("responses after a C-CANCEL", bytes_of(find._MOST_DRAINED), "abort"),
        (
            "received and not yet stored, of a run",
            bytes_of(QUEUE_BYTES),
            "peers wait until the disk has caught up",
        ),
    )


def of_jobs() -> Sequence[Row]:
    most, times = PerRequest(), Timeouts()
    assert most.time is not None
    request = "C-CANCEL, then abort; `limit`"
    return (
        ("`run.per_request.responses`", f"{most.responses:,}", request),
        ("`run.per_request.bytes`", bytes_of(most.bytes), request),
        ("`run.per_request.time`", f"{most.time:,.0f} s", request),
        ("`timeouts.connect`", f"{times.connect:.0f} s", "`connect-timeout`"),
        ("`timeouts.acse`", f"{times.acse:.0f} s", "`associate-timeout`"),
        (
            "`timeouts.response`, from one whole message to the next",
            f"{times.response:.0f} s",
            "`response-timeout`",
        ),
        ("`timeouts.cancel`", f"{times.cancel:.0f} s", "abort"),
        ("`timeouts.release`", f"{times.release:.0f} s", "abort, a warning"),
    )


def of_files() -> Sequence[Row]:
    refused = "refused, with the line where there is one"
    in_files = (
        ("a job, or a file it includes", bytes_of(documents.LARGEST)),
        ("values in it, aliases expanded", f"{yaml_nodes.MOST_NODES:,}"),
        ("its nesting", f"{yaml_nodes.DEEPEST}"),
        ("a template", f"{MAX_TEMPLATE:,} characters"),
        ("what it gives", f"{MAX_RENDERED:,} characters"),
        ("steps of a key path", f"{paths.MAX_DEPTH}"),
        ("number of an item in it", f"{paths.MAX_ITEM}"),
        ("requests of a plan (`run.max_requests`)", f"{RunPolicy().max_requests:,}"),
        ("rows in CSV", bytes_of(rows.LARGEST)),
        (
            "rows in Parquet",
            f"{bytes_of(parquet.LARGEST)}, {parquet.MOST_ROWS:,} rows",
        ),
        ("an Identifier in a file", bytes_of(identifiers.LARGEST)),
        ("elements in it", f"{elements.MOST_ELEMENTS:,}"),
        ("sequences within sequences", f"{elements.DEEPEST}"),
        ("attributes that a DTD in it declares", f"{_MOST_DECLARED}"),
        ("a dictionary", bytes_of(dictionaries.LARGEST)),
        ("a secret, key, certificate or list", bytes_of(MOST_BYTES)),
        ("a set of responses in a capture, decompressed", bytes_of(MAX_RAW_BYTES)),
    )
    told = ("problems told of a job", f"{MOST_PROBLEMS}", "counted")
    return (*((what, limit, refused) for what, limit in in_files), told)


TABLES: Final = {
    "limits against peers": of_peers,
    "limits a job sets": of_jobs,
    "limits of files": of_files,
}


def table(rows_of: Sequence[Row]) -> str:
    lines = ["| what | at most | beyond |", "|---|---|---|"]
    lines += [f"| {what} | {limit} | {beyond} |" for what, limit, beyond in rows_of]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("mark", TABLES)
def test_a_table_is_what_the_code_says(mark: str) -> None:
    begin, end = f"<!-- {mark} -->\n", "<!-- end -->"
    expected = f"{begin}{table(TABLES[mark]())}{end}"
    if "REWRITE_DOCS" in os.environ:
        head, _, rest = PAGE.read_text("utf-8").partition(begin)
        PAGE.write_text(head + expected + rest.partition(end)[2], "utf-8")
    assert expected in PAGE.read_text("utf-8")


def test_no_other_page_says_another_number() -> None:
    """The page that names the limits in a sentence names them as this one does."""
    design = (ROOT / "docs/design.md").read_text("utf-8")
    one = DecodeLimits()
    for text in (
        f"A-ASSOCIATE-AC of {bytes_of(header.LONGEST_AC)}",
        f"a data set of {bytes_of(LONGEST_DATA_SET)}",
        f"an Identifier of {bytes_of(RESPONSE_LIMITS.data_set_bytes)}, inflated",
        f"{one.elements:,} elements, {one.depth} levels of nesting",
    ):
        assert text in design
    assert re.search(rf"command\s+set of {bytes_of(LONGEST_COMMAND)}", design)


def test_names_at_once_are_as_many_as_it_says() -> None:
    assert f"; {resolver._MOST} of them at once " in PAGE.read_text("utf-8")


def test_the_modes_are_those_that_tests_check() -> None:
    tested = (ROOT / "tests/security/test_files.py").read_text("utf-8")
    page = PAGE.read_text("utf-8")
    for mode in ("0700", "0600"):
        assert f"0o{mode[1:]}" in tested
        assert mode in page
