"""Security profiles of TLS. Source: PS3.15 Annex B."""

from __future__ import annotations

import pytest

from batchfind.dicom.tls import (
    DEFAULT_PROFILE,
    PROFILES,
    SUITES,
    Additions,
    TlsVersion,
    cautions,
    refusal,
)

STRICT, MODIFIED = PROFILES["bcp195-rfc8996"], PROFILES["bcp195-modified"]


class TestSuites:
    def test_have_one_code_each(self) -> None:
        assert len({each.code for each in SUITES.values()}) == len(SUITES)
        assert all(name == each.name for name, each in SUITES.items())

    def test_never_leave_the_peer_unknown(self) -> None:
        assert not [name for name in SUITES if "_anon_" in name]

    def test_say_whether_they_encrypt(self) -> None:
        plain = {name for name, each in SUITES.items() if each.null}
        assert "TLS_RSA_WITH_NULL_SHA" in plain
        assert all("NULL" in name for name in plain)

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("TLS_RSA_WITH_NULL_SHA", 0x0002),
            ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", 0x000A),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC02F),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", 0xC0AF),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA8),
        ],
    )
    def test_have_the_codes_of_the_registry(self, name: str, code: int) -> None:
        assert SUITES[name].code == code


class TestProfiles:
    def test_there_are_eight_and_the_strictest_is_default(self) -> None:
        assert len(PROFILES) == 8
        assert next(iter(PROFILES)) == DEFAULT_PROFILE == "bcp195-rfc8996"

    @pytest.mark.parametrize("name", PROFILES)
    def test_have_a_mandatory_suite(self, name: str) -> None:
        profile = PROFILES[name]
        assert profile.mandatory
        assert {each.name for each in profile.mandatory} == (
            set(profile.offered) - profile.optional
        )
        assert set(profile.optional) <= set(profile.offered)

    def test_that_are_current_begin_with_tls_1_2(self) -> None:
        current = [each for each in PROFILES.values() if not each.retired]
        assert [each.section for each in current] == ["B.12", "B.13"]
        assert {each.lowest for each in current} == {TlsVersion.V1_2}
        assert {each.rsa_bits for each in current} == {2048}

    def test_of_the_extended_kind_hold_tls_1_2_alone(self) -> None:
        extended = PROFILES["bcp195-ex"]
        assert extended.lowest is extended.highest is TlsVersion.V1_2

    def test_leave_data_unencrypted_only_where_they_are_named_so(self) -> None:
        plain = [
            each.name
            for each in PROFILES.values()
            if any(suite.null for suite in each.suites)
        ]
        assert plain == ["null"]

    def test_offer_the_shorter_keys_first(self) -> None:
        assert [each.openssl for each in STRICT.suites] == [
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
        ]

    def test_name_versions_for_people(self) -> None:
        assert [each.title for each in TlsVersion] == [
            "TLS 1.0",
            "TLS 1.1",
            "TLS 1.2",
            "TLS 1.3",
        ]


class TestAdditions:
    def test_that_encrypt_may_join_most_profiles(self) -> None:
        suite = "TLS_RSA_WITH_AES_256_GCM_SHA384"
        allowed = {name for name in PROFILES if refusal(PROFILES[name], suite) is None}
        assert allowed == set(PROFILES) - {"bcp195-modified", "bcp195-ex"}

    def test_that_do_not_encrypt_join_null_alone(self) -> None:
        suite = "TLS_RSA_WITH_NULL_SHA256"
        allowed = {name for name in PROFILES if refusal(PROFILES[name], suite) is None}
        assert allowed == {"null"}

    @pytest.mark.parametrize(
        "suite",
        ["TLS_DH_anon_WITH_AES_128_CBC_SHA", "TLS_AES_128_GCM_SHA256", "NULL", ""],
    )
    def test_of_other_kinds_join_none(self, suite: str) -> None:
        assert all(refusal(each, suite) for each in PROFILES.values())

    def test_with_sha_1_do_not_join_the_strictest(self) -> None:
        for suite in SUITES.values():
            if suite.sha1 and not suite.null:
                assert refusal(STRICT, suite.name)

    def test_against_bcp_195_are_warned_of(self) -> None:
        found = list(cautions(STRICT, "TLS_RSA_WITH_AES_128_CBC_SHA256"))
        assert len(found) == 2
        assert list(cautions(STRICT, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"))
        assert not list(cautions(STRICT, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"))

    def test_are_not_warned_of_where_they_are_usual(self) -> None:
        suite = "TLS_RSA_WITH_AES_128_CBC_SHA256"
        assert not list(cautions(PROFILES["aes"], suite))
        assert not list(cautions(STRICT, "nonsense"))
        assert MODIFIED.additions is Additions.NONE
