from __future__ import annotations

import json
import ssl

import pytest

from batchfind.cli.main import execute
from batchfind.dicom.tls import PROFILES, SUITES


class TestCiphers:
    def test_are_listed_by_both_names(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert execute(["tls", "ciphers"]) == 0
        shown = capsys.readouterr().out
        assert shown.startswith(f"{ssl.OPENSSL_VERSION}: ")
        for suite in SUITES.values():
            assert suite.name in shown
        assert "ECDHE-RSA-AES128-GCM-SHA256" in shown
        assert "NULL-SHA  no encryption: profile null only" in shown

    def test_that_are_missing_have_a_reason(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        execute(["tls", "ciphers"])
        missing = capsys.readouterr().out.partition("not available here:\n")[2]
        assert "CAMELLIA_128_GCM_SHA256   OpenSSL does not implement it" in missing

    def test_as_json_are_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert execute(["tls", "ciphers", "--json"]) == 0
        shown = capsys.readouterr().out
        assert shown.count("\n") == 1
        found = json.loads(shown)
        assert found["exit_code"] == 0
        suites = {each["name"]: each for each in found["suites"]}
        assert suites["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] == {
            "name": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "code": "C02F",
            "openssl": "ECDHE-RSA-AES128-GCM-SHA256",
            "null": False,
            "available": True,
            "problem": "",
        }
        assert "TLS_AES_128_GCM_SHA256" in found["tls_1_3"]


class TestProfiles:
    def test_are_listed_with_their_state(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute(["tls", "profiles"]) == 0
        shown = capsys.readouterr().out
        assert "\nbcp195-rfc8996: available, default\n" in shown
        assert "\nnull: available, retired\n" in shown
        assert "PS3.15 B.13; TLS 1.2 to TLS 1.3; RSA keys from 2048 bits; curves" in (
            shown
        )
        assert "(optional, OpenSSL does not implement it)" in shown
        for name in PROFILES:
            assert f"\n{name}: " in shown

    def test_as_json_are_one_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert execute(["tls", "profiles", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        profiles = {each["name"]: each for each in found["profiles"]}
        assert list(profiles) == list(PROFILES)
        assert profiles["bcp195-rfc8996"]["default"]
        assert profiles["bcp195-ex"]["versions"] == ["TLSv1.2", "TLSv1.2"]
        assert profiles["bcp195"]["suites"][-1]["optional"]

    def test_of_another_subject_are_a_usage_error(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert execute(["tls", "keys"]) == 2
        assert "ciphers" in capsys.readouterr().err
