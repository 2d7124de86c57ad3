"""Names in certificates. Source: RFC 9525 Section 6."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchfind.net.tls_names import ascii_name, is_address, matches

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


def dns(*names: str) -> list[tuple[str, str]]:
    return [("DNS", name) for name in names]


class TestDnsNames:
    def test_an_equal_name_matches(self) -> None:
        assert matches("ris.example.org", dns("other.org", "ris.example.org"))

    def test_case_and_a_final_dot_do_not_matter(self) -> None:
        assert matches("RIS.Example.org.", dns("ris.example.ORG"))

    def test_a_name_in_unicode_is_compared_in_ascii(self) -> None:
        assert matches("müller.example.org", dns("xn--mller-kva.example.org"))

    @pytest.mark.parametrize(
        "issued", ["example.org", "a.ris.example.org", "ris.example.org.evil.org", ""]
    )
    def test_another_name_does_not_match(self, issued: str) -> None:
        assert not matches("ris.example.org", dns(issued))

    def test_no_name_matches_nothing(self) -> None:
        assert not matches("ris.example.org", [])

    def test_other_kinds_of_name_are_not_looked_at(self) -> None:
        assert not matches("ris.example.org", [("email", "ris.example.org")])


class TestWildcards:
    def test_stands_for_the_left_most_label(self) -> None:
        assert matches("ris.example.org", dns("*.example.org"))

    @pytest.mark.parametrize("name", ["example.org", "a.ris.example.org"])
    def test_stands_for_exactly_one_label(self, name: str) -> None:
        assert not matches(name, dns("*.example.org"))

    @pytest.mark.parametrize(
        "issued", ["r*.example.org", "ris.*.org", "*is.example.org", "*.*.org", "*"]
    )
    def test_stands_nowhere_else(self, issued: str) -> None:
        assert not matches("ris.example.org", dns(issued))

    def test_does_not_stand_before_a_single_label(self) -> None:
        assert not matches("example.org", dns("*.org"))

    @given(labels=st.lists(LABEL, min_size=3, max_size=5), first=LABEL)
    @settings(deadline=None)
    def test_matches_whatever_the_first_label_is(
        self, labels: list[str], first: str
    ) -> None:
        issued = dns(".".join(["*", *labels[1:]]))
        assert matches(".".join([first, *labels[1:]]), issued)


class TestAddresses:
    def test_an_equal_address_matches(self) -> None:
        assert matches("192.0.2.1", [("IP Address", "192.0.2.1")])

    def test_ipv6_matches_in_any_notation(self) -> None:
        assert matches("2001:db8::1", [("IP Address", "2001:DB8:0:0:0:0:0:1\n")])

    def test_another_address_does_not_match(self) -> None:
        assert not matches("192.0.2.1", [("IP Address", "192.0.2.2")])

    def test_an_address_written_as_dns_name_does_not_match(self) -> None:
        assert not matches("192.0.2.1", dns("192.0.2.1", "*.0.2.1"))

    def test_a_dns_name_never_matches_an_address(self) -> None:
        assert not matches("ris.example.org", [("IP Address", "192.0.2.1")])


class TestHostNames:
    def test_is_lower_case_ascii(self) -> None:
        assert ascii_name("Müller.Example.") == "xn--mller-kva.example"

    @pytest.mark.parametrize("name", ["", ".", ".example.org", "ü" * 70])
    def test_what_is_none_is_an_error(self, name: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            ascii_name(name)

    def test_tells_addresses_from_names(self) -> None:
        assert is_address("::1")
        assert not is_address("ris")
