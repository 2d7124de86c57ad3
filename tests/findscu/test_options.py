"""What each option of the table asks for, and that findscu's are all there."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from batchfind.findscu.call import Call, Extract, Level, Password, Show
from batchfind.findscu.options import Table, read_table
from batchfind.findscu.parsing import Ending, parse
from tests.peers.processes import require

FINDSCU = "/usr/bin/findscu"

MEANINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "--arguments": ("", {"arguments": True}),
    "--quiet": ("", {"log.level": Level.FATAL}),
    "--verbose": ("", {"log.level": Level.INFO}),
    "--debug": ("", {"log.level": Level.DEBUG}),
    "--log-level": ("Trace", {"log.level": Level.TRACE}),
    "--log-config": ("good.cfg", {"log.config": Path("good.cfg")}),
    "--key": ("b -k c=d", {"keys": ("b", "c=d", "a")}),
    "--worklist": ("", {"model": "worklist"}),
    "--patient": ("", {"model": "patient"}),
    "--study": ("", {"model": "study"}),
    "--psonly": ("", {"model": "patient-study"}),
    "--aetitle": ("US", {"calling_ae": "US", "called_ae": "ANY-SCP"}),
    "--call": ("THEM", {"called_ae": "THEM", "calling_ae": "FINDSCU"}),
    "--ipv4": ("", {"ip_version": 4}),
    "--ipv6": ("", {"ip_version": 6}),
    "--ip-auto": ("", {"ip_version": None}),
    "--enable-new-vr": ("", {"new_vr": True}),
    "--disable-new-vr": ("", {"new_vr": False}),
    "--propose-uncompr": ("", {"proposal": "local"}),
    "--propose-little": ("", {"proposal": "little"}),
    "--propose-big": ("", {"proposal": "big"}),
    "--propose-deflated": ("", {"proposal": "deflated", "deflate_level": 6}),
    "--propose-implicit": ("", {"proposal": "implicit"}),
    "--compression-level": ("9 -xd", {"deflate_level": 9}),
    "--timeout": ("7", {"connect_timeout": 7}),
    "--socket-timeout": ("0", {"socket_timeout": None}),
    "--acse-timeout": ("7", {"acse_timeout": 7}),
    "--dimse-timeout": ("7", {"dimse_timeout": 7, "socket_timeout": 60}),
    "--max-pdu": ("4096", {"max_pdu": 4096}),
    "--repeat": ("3", {"repeat": 3}),
    "--abort": ("", {"abort": True}),
    "--cancel": ("0", {"cancel": 0}),
    "--disable-tls": ("", {"tls": None}),
    "--enable-tls": (
        "k c",
        {"tls.key": Path("k"), "tls.certificate": Path("c"), "tls.verify": True},
    ),
    "--anonymous-tls": (
        "",
        {"tls.key": None, "tls.profile": "bcp195-rfc8996", "tls.sni": None},
    ),
    "--std-passwd": ("+tls k c", {"tls.password": Password.PROMPT}),
    "--use-passwd": (
        "secret +tls k c",
        {"tls.password": Password.GIVEN, "tls.given": "secret"},
    ),
    "--null-passwd": ("+tls k c", {"tls.password": Password.EMPTY}),
    "--pem-keys": ("+tla", {"tls.der": False}),
    "--der-keys": ("+tla", {"tls.der": True}),
    "--add-cert-file": ("f +cf g +tla", {"tls.ca_files": (Path("f"), Path("g"))}),
    "--add-cert-dir": ("d +cd e +tla", {"tls.ca_dirs": (Path("d"), Path("e"))}),
    "--add-crl-file": (
        "f +crl g +tla",
        {"tls.crls": (Path("f"), Path("g")), "tls.crl_check": "leaf"},
    ),
    "--enable-crl-vfy": ("+tla", {"tls.crl_check": "leaf"}),
    "--enable-crl-all": ("+crl f +tla", {"tls.crl_check": "chain"}),
    "--profile-8996": ("+tla", {"tls.profile": "bcp195-rfc8996"}),
    "--profile-8996-mod": ("+tla", {"tls.profile": "bcp195-modified"}),
    "--profile-bcp195-nd": ("+tla", {"tls.profile": "bcp195-nd"}),
    "--profile-bcp195": ("+tla", {"tls.profile": "bcp195"}),
    "--profile-bcp195-ex": ("+tla", {"tls.profile": "bcp195-ex"}),
    "--profile-basic": ("+tla", {"tls.profile": "basic"}),
    "--profile-aes": ("+tla", {"tls.profile": "aes"}),
    "--profile-null": ("+tla", {"tls.profile": "null"}),
    "--cipher": ("A +cs B +tla", {"tls.ciphers": ("A", "B")}),
    "--no-sni": ("+tla", {"tls.sni": None}),
    "--request-sni": ("pacs.example.org +tla", {"tls.sni": "pacs.example.org"}),
    "--seed": ("f +tla", {"tls.seed": Path("f"), "tls.write_seed": None}),
    "--write-seed": ("+rs f +tla", {"tls.write_seed": Path("f")}),
    "--write-seed-file": (
        "g +rs f +tla",
        {"tls.seed": Path("f"), "tls.write_seed": Path("g")},
    ),
    "--require-peer-cert": ("+tla", {"tls.verify": True}),
    "--ignore-peer-cert": ("+tla", {"tls.verify": False}),
    "--output-directory": ("nofolder", {"directory": Path("nofolder")}),
    "--enable-correction": ("", {"correction": True}),
    "--disable-correction": ("", {"correction": False}),
    "--show-responses": ("", {"show": Show.ALWAYS}),
    "--hide-responses": ("", {"show": Show.NEVER}),
    "--extract": ("", {"extract": Extract.DICOM}),
    "--extract-xml": ("", {"extract": Extract.XML}),
    "--extract-xml-single": (
        "f.xml",
        {"extract": Extract.SINGLE_XML, "single": Path("f.xml")},
    ),
    "--limit-output": ("2 -X", {"limit": 2}),
    "--save-job": ("job.yaml", {"save_job": Path("job.yaml")}),
}
"""By long name: the words behind it, and what `localhost 1 -k a` then asks for."""

ENDINGS = {one.value for one in Ending}


def value_of(call: Call, name: str) -> Any:
    value: Any = call
    for part in name.split("."):
        value = getattr(value, part)
    return value


class TestEachOption:
    @pytest.mark.parametrize("long", MEANINGS)
    @pytest.mark.parametrize("name", ["short", "long"])
    @pytest.mark.usefixtures("folder")
    def test_means_what_findscu_means(self, long: str, name: str, table: Table) -> None:
        words, meaning = MEANINGS[long]
        word = getattr(table.by_name[long], name) or long
        call = parse([word, *shlex.split(words), "localhost", "1", "-k", "a"], table)
        assert isinstance(call, Call)
        assert {field: value_of(call, field) for field in meaning} == meaning

    @pytest.mark.parametrize("ending", Ending)
    def test_that_ends_the_program_says_so(self, ending: Ending, table: Table) -> None:
        option = table.by_name[ending.value]
        assert option.ends
        for name in option.names:
            assert parse([name], table) is ending

    def test_has_a_meaning_here(self, table: Table) -> None:
        assert {option.long for option in table} == {*MEANINGS, *ENDINGS}


class TestNoOption:
    def test_asks_for_what_findscu_does_by_itself(self, table: Table) -> None:
        call = parse(["pacs", "104", "-k", "a"], table)
        assert isinstance(call, Call)
        assert asdict(call) == asdict(Call(peer="pacs", port=104, keys=("a",)))


class TestTheTable:
    def test_names_each_option_once(self, table: Table) -> None:
        names = [name for option in table for name in option.names]
        assert len(names) == len(set(names))

    def test_names_only_options_there_are(self, table: Table) -> None:
        for option in table:
            for name in (*option.needs, *filter(None, [option.also])):
                assert name in table.by_name

    def test_says_of_each_what_becomes_of_it(self, table: Table) -> None:
        for option in table:
            assert (
                option.ends or option.job or option.saved or option.long == "--save-job"
            )

    def test_has_groups_of_several(self, table: Table) -> None:
        for option in table:
            members = [one for one in table if one.group == option.group]
            assert not option.group or len(members) > 1
            assert not (option.group and option.many)


@pytest.fixture(scope="module")
def installed() -> dict[str, tuple[str, int]]:
    """Long name to short name and number of arguments, from findscu's own help."""
    require(FINDSCU)
    done = subprocess.run(
        [FINDSCU, "--help"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    found = {}
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        match = re.match(r"^ +([-+][^ ]+)? +(--[a-z0-9-]+)(?: +(.*))?$", line)
        if match and following is not None:
            short, long, text = match.groups(default="")
            found[long] = (short, len(re.findall(r"\[[a-z]\]", text)))
    return found


@pytest.mark.interop
class TestTheInstalledFindscu:
    def test_has_no_option_that_we_lack(
        self, installed: dict[str, tuple[str, int]], table: Table
    ) -> None:
        assert len(installed) > 60
        ours = {one.long: (one.short, len(one.takes)) for one in table}
        assert {long: ours.get(long) for long in installed} == installed

    def test_lacks_only_what_later_releases_have(
        self, installed: dict[str, tuple[str, int]], table: Table
    ) -> None:
        missing = {one.long for one in table} - set(installed)
        later = {one.long for one in table if one.since in {"3.6.8", "3.6.9"}}
        assert missing == {*later, "--profile-basic", "--save-job"}


def test_the_table_is_read_anew_but_equal() -> None:
    assert read_table().sections == read_table().sections
