r"""Character sets of PS3.3 C.12.1.1.2, by golden bytes.

Names and bytes of the Japanese, Korean and Chinese examples are those printed in
PS3.5 Annexes H, I, J and K.
"""

from __future__ import annotations

import pydicom.charset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.dicom.charset import (
    CharacterSets,
    decode_text,
    encode_text,
    least_sufficient,
    resolve,
)

ASCII = resolve(None)

SINGLE_BYTE = {
    "ISO_IR 100": ("Müller", b"M\xfcller"),
    "ISO_IR 101": ("Wałęsa", b"Wa\xb3\xeasa"),
    "ISO_IR 109": ("Ġorġ Ħal", b"\xd5or\xf5 \xa1al"),
    "ISO_IR 110": ("Šķēle", b"\xa9\xf3\xbale"),
    "ISO_IR 144": ("Люцидж", b"\xbb\xee\xe6\xd8\xd4\xd6"),
    "ISO_IR 127": ("قباني", b"\xe2\xc8\xc7\xe6\xea"),
    "ISO_IR 126": ("Διονυσιος", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2"),
    "ISO_IR 138": ("שרון", b"\xf9\xf8\xe5\xef"),
    "ISO_IR 148": ("Çavuşoğlu", b"\xc7avu\xfeo\xf0lu"),
    "ISO_IR 203": ("Œuvre €", b"\xbcuvre \xa4"),
    "ISO_IR 166": ("สมชาย", b"\xca\xc1\xaa\xd2\xc2"),
    "ISO_IR 13": ("ﾔﾏﾀﾞ", b"\xd4\xcf\xc0\xde"),
    "ISO_IR 192": ("Wang^小东", b"Wang^\xe5\xb0\x8f\xe4\xb8\x9c"),
    "GB18030": ("Wang^小东", b"Wang^\xd0\xa1\xb6\xab"),
    "GBK": ("Wang^小东", b"Wang^\xd0\xa1\xb6\xab"),
}

EXTENDED = {
    "PS3.5 H.3.1": (
        ("", "ISO 2022 IR 87"),
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        (
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
            b"=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
        ),
    ),
    "PS3.5 H.3.2": (
        ("ISO 2022 IR 13", "ISO 2022 IR 87"),
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
        (
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
            b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J"
        ),
    ),
    "PS3.5 I.2": (
        ("", "ISO 2022 IR 149"),
        "Hong^Gildong=洪^吉洞=홍^길동",
        (
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
            b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"
        ),
    ),
    "PS3.5 K.2": (
        ("", "ISO 2022 IR 58"),
        "Zhang^XiaoDong=张^小东=",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
    ),
    "JIS X 0212": (
        ("ISO 2022 IR 6", "ISO 2022 IR 159"),
        "Kusunose^丂",
        b"Kusunose^\x1b$(D0!\x1b(B",
    ),
    "Cyrillic in G1": (
        ("ISO 2022 IR 100", "ISO 2022 IR 144"),
        "Müller^Люк",
        b"M\xfcller^\x1b-L\xbb\xee\xda",
    ),
    "Euro sign in G1": (
        ("ISO 2022 IR 6", "ISO 2022 IR 203"),
        "5 €",
        b"5 \x1b-b\xa4",
    ),
}


def text_of(raw: bytes, sets: CharacterSets, vr: str = "PN") -> str:
    decoded = decode_text(raw, vr, sets)
    assert decoded.replaced == 0
    return decoded.text


class TestSingleTerms:
    @pytest.mark.parametrize("term", SINGLE_BYTE)
    def test_decode_to_unicode(self, term: str) -> None:
        text, raw = SINGLE_BYTE[term]
        assert text_of(raw, resolve(term)) == text

    @pytest.mark.parametrize("term", SINGLE_BYTE)
    def test_encode_to_the_same_bytes(self, term: str) -> None:
        text, raw = SINGLE_BYTE[term]
        assert encode_text(text, (term,)) == raw

    @pytest.mark.parametrize("term", sorted(SINGLE_BYTE.keys() - {"ISO_IR 203"}))
    def test_pydicom_agrees(self, term: str) -> None:
        _, raw = SINGLE_BYTE[term]
        codecs = pydicom.charset.convert_encodings([term])
        theirs = pydicom.charset.decode_bytes(raw, codecs, set())
        assert text_of(raw, resolve(term)) == theirs

    @pytest.mark.parametrize("term", SINGLE_BYTE)
    @given(st.binary(max_size=60))
    def test_any_bytes_give_text_without_surrogates(
        self, term: str, raw: bytes
    ) -> None:
        for vr in ("PN", "UT", "CS"):
            decoded = decode_text(raw, vr, resolve(term))
            decoded.text.encode("utf-8")
            assert decoded.text.count("\ufffd") >= decoded.replaced

    def test_katakana_has_yen_and_overline(self) -> None:
        sets = resolve("ISO_IR 13")
        assert text_of(b"\\5~", sets, "LT") == "¥5‾"
        assert decode_text(b"a\\b", "LO", sets).values == ("a", "b")
        assert encode_text("¥‾", ("ISO_IR 13",)) == b"\\~"

    def test_a_byte_no_character_has_is_replaced(self) -> None:
        assert decode_text(b"a\xa5b", "LO", resolve("ISO_IR 109")) == (("a\ufffdb",), 1)


class TestCodeExtensions:
    @pytest.mark.parametrize("example", EXTENDED)
    def test_decode_to_unicode(self, example: str) -> None:
        terms, text, raw = EXTENDED[example]
        assert text_of(raw, resolve("\\".join(terms))) == text

    @pytest.mark.parametrize("example", EXTENDED)
    def test_encode_to_the_same_bytes(self, example: str) -> None:
        terms, text, raw = EXTENDED[example]
        assert encode_text(text, terms) == raw

    @pytest.mark.parametrize("example", EXTENDED)
    @given(data=st.data())
    def test_whatever_can_be_encoded_reads_back(
        self, example: str, data: st.DataObject
    ) -> None:
        terms, known, _ = EXTENDED[example]
        alphabet = st.sampled_from(sorted(set(known) | set("Aa ^=\\\r\n")))
        text = data.draw(st.text(alphabet, min_size=1))
        raw = encode_text(text, terms)
        assert text_of(raw, resolve("\\".join(terms))) == text

    @given(st.binary(max_size=60), st.sampled_from(["PN", "LO", "LT"]))
    def test_any_bytes_give_text(self, raw: bytes, vr: str) -> None:
        for terms, _, _ in EXTENDED.values():
            decoded = decode_text(b"\x1b" + raw, vr, resolve("\\".join(terms)))
            decoded.text.encode("utf-8")

    def test_a_5c_inside_a_two_byte_character_ends_no_value(self) -> None:
        raw = b"\x1b$B\x3b\x5c\x1b(B\\x"
        decoded = decode_text(raw, "LO", resolve("\\ISO 2022 IR 87"))
        assert decoded == (("施", "x"), 0)

    @pytest.mark.parametrize("end", [b"\\", b"\r\n", b"\t", b"\x0c"])
    def test_the_first_sets_return_at_a_delimiter(self, end: bytes) -> None:
        raw = b"\x1b$)C\xfb\xf3" + end + b"\xfb\xf3"
        decoded = decode_text(raw, "LO", resolve("\\ISO 2022 IR 149"))
        assert decoded.text == "洪" + end.decode() + "\ufffd\ufffd"
        assert decoded.replaced == 2

    @pytest.mark.parametrize("end", ["^", "="])
    def test_name_delimiters_reset_only_in_pn(self, end: str) -> None:
        raw = b"\x1b$)C\xfb\xf3" + end.encode() + b"\xfb\xf3"
        sets = resolve("\\ISO 2022 IR 149")
        assert decode_text(raw, "PN", sets).replaced == 2
        assert text_of(raw, sets, "LO") == f"洪{end}洪"

    def test_a_backslash_resets_nothing_in_long_text(self) -> None:
        raw = b"\x1b$)C\xfb\xf3\\\xfb\xf3"
        assert text_of(raw, resolve("\\ISO 2022 IR 149"), "LT") == "洪\\洪"

    @pytest.mark.parametrize(
        "sequence", [b"\x1b$B", b"\x1b-L", b"\x1b$", b"\x1b", b"\x1b!!q"]
    )
    def test_an_undeclared_or_broken_escape_is_replaced(self, sequence: bytes) -> None:
        decoded = decode_text(b"a" + sequence, "LO", resolve("\\ISO 2022 IR 149"))
        assert decoded == (("a\ufffd",), 1)

    def test_return_to_romaji_needs_no_declaration(self) -> None:
        raw = b"\x1b$B;3\x1b(J^x"
        assert text_of(raw, resolve("\\ISO 2022 IR 87")) == "山^x"

    def test_half_a_character_costs_one_replacement(self) -> None:
        decoded = decode_text(b"\x1b$B;3;", "LO", resolve("\\ISO 2022 IR 87"))
        assert decoded == (("山\ufffd",), 1)

    def test_a_two_byte_set_of_g1_as_value_1_needs_no_escape(self) -> None:
        assert text_of(b"\xfb\xf3", resolve("ISO 2022 IR 149")) == "洪"

    def test_a_space_stays_a_space_between_two_byte_characters(self) -> None:
        assert text_of(b"\x1b$B;3 ED\x1b(B", resolve("\\ISO 2022 IR 87")) == "山 田"


class TestWithoutCodeExtensions:
    @pytest.mark.parametrize("term", [None, "ISO_IR 100"])
    def test_a_dicom_escape_is_replaced(self, term: str | None) -> None:
        assert decode_text(b"a\x1b$B;3", "LO", resolve(term)) == (("a\ufffd;3",), 1)

    def test_any_other_escape_is_a_control_character(self) -> None:
        assert text_of(b"a\x1b[0m", ASCII, "LO") == "a\x1b[0m"

    def test_control_characters_stay(self) -> None:
        assert text_of(b"a\x00\x07\r\n", resolve("ISO_IR 192"), "LO") == "a\x00\x07\r\n"


class TestAbsent:
    def test_bytes_from_80_are_replaced_and_counted(self) -> None:
        assert decode_text(b"M\xfcller\xdc", "PN", ASCII) == (
            ("M\ufffdller\ufffd",),
            2,
        )

    @pytest.mark.parametrize("terms", [None, "", b"", b" \0"])
    def test_assume_stands_in(self, terms: str | bytes | None) -> None:
        sets = resolve(terms, assume="ISO_IR 100")
        assert text_of(b"M\xfcller", sets) == "Müller"

    def test_assume_never_replaces_what_was_sent(self) -> None:
        assert resolve("ISO_IR 144", assume="ISO_IR 100").terms == ("ISO_IR 144",)

    def test_override_always_does(self) -> None:
        sets = resolve("ISO_IR 144", override="ISO_IR 100")
        assert text_of(b"M\xfcller", sets) == "Müller"

    def test_other_vrs_hold_the_default_repertoire(self) -> None:
        assert decode_text(b"\xdc", "CS", resolve("ISO_IR 100")) == (("\ufffd",), 1)


class TestTrailBytes:
    @pytest.mark.parametrize("term", ["GB18030", "GBK"])
    def test_a_5c_in_a_chinese_character_ends_no_value(self, term: str) -> None:
        decoded = decode_text(b"\xd5\\^a\\b", "LO", resolve(term))
        assert decoded == (("誠^a", "b"), 0)

    def test_a_5c_in_shift_jis_ends_no_value(self) -> None:
        decoded = decode_text(b"\x83\\a\\b", "LO", resolve("ISO_IR 13"))
        assert decoded == (("ソa", "b"), 0)

    def test_a_lone_lead_byte_is_replaced(self) -> None:
        assert decode_text(b"\x83", "LO", resolve("ISO_IR 13")) == (("\ufffd",), 1)


class TestUtf8:
    def test_surrogates_and_broken_sequences_are_replaced(self) -> None:
        raw = b"\xff\xfe\xc3(\xed\xa0\x80"
        decoded = decode_text(raw, "LO", resolve("ISO_IR 192"))
        assert decoded == (("\ufffd\ufffd\ufffd(\ufffd\ufffd\ufffd",), 6)

    def test_a_replacement_character_that_was_sent_is_not_counted(self) -> None:
        raw = "\ufffd".encode() + b"\xff"
        assert decode_text(raw, "LO", resolve("ISO_IR 192")).replaced == 1


class TestResolve:
    @pytest.mark.parametrize(
        ("given_as", "terms"),
        [
            ("ISO-IR 100", ("ISO_IR 100",)),
            ("iso_ir 100", ("ISO_IR 100",)),
            ("ISO_IR_192", ("ISO_IR 192",)),
            ("UTF-8", ("ISO_IR 192",)),
            ("ISO 8859-1", ("ISO_IR 100",)),
            ("ISO 2022 GBK", ("GBK",)),
            ("ISO2022IR87", ("ISO 2022 IR 87",)),
            (
                "ISO_IR 100\\ISO 2022 IR 87",
                ("ISO 2022 IR 100", "ISO 2022 IR 87"),
            ),
            ("ISO_IR 192\\ISO 2022 IR 87", ("ISO_IR 192",)),
            ("\\ISO_IR 192", ("ISO_IR 192",)),
            ("\\ISO 2022 IR 87\\GB18030", ("ISO 2022 IR 6", "ISO 2022 IR 87")),
        ],
    )
    def test_tolerates_slips_and_says_so(
        self, given_as: str, terms: tuple[str, ...]
    ) -> None:
        sets = resolve(given_as)
        assert sets.terms == terms
        assert sets.problems

    @pytest.mark.parametrize(
        "given_as",
        ["ISO_IR 100", "ISO_IR 100 ", "\\ISO 2022 IR 87", "GB18030", "", "ISO_IR 6"],
    )
    def test_has_nothing_to_say_when_all_is_well(self, given_as: str) -> None:
        assert resolve(given_as).problems == ()

    def test_an_unknown_term_is_the_default_repertoire(self) -> None:
        sets = resolve("ISO_IR 999")
        assert sets.terms == ("ISO_IR 6",)
        assert "ISO_IR 999" in sets.problems[0]
        assert decode_text(b"a\xdc", "LO", sets).replaced == 1

    def test_an_unknown_term_leaves_what_is_assumed(self) -> None:
        sets = resolve("ISO_IR 999", assume="ISO_IR 100")
        assert sets.terms == ("ISO_IR 100",)
        assert sets.problems

    def test_an_unknown_term_beside_others_is_passed_over(self) -> None:
        sets = resolve("BOGUS\\ISO 2022 IR 87")
        assert sets.terms == ("ISO 2022 IR 6", "ISO 2022 IR 87")

    def test_equal_terms_give_the_same_object(self) -> None:
        assert resolve(b"ISO_IR 100") is resolve("ISO_IR 100 ")

    @given(st.binary(max_size=2000))
    def test_any_bytes_resolve(self, raw: bytes) -> None:
        assert resolve(raw).terms


class TestEncode:
    @pytest.mark.parametrize(
        ("text", "terms", "lacking"),
        [
            ("Müller", (), "ü"),
            ("Łódź", ("ISO_IR 100",), "Ł"),
            ("山田", ("ISO_IR 13",), "山"),
            ("ﾔ", ("", "ISO 2022 IR 87"), "ﾔ"),
            ("山", ("ISO_IR 100",), "山"),
            ("a\x85b", ("ISO_IR 100",), "U\\+0085"),
            ("~", ("ISO_IR 13",), "~"),
        ],
    )
    def test_a_missing_character_is_named(
        self, text: str, terms: tuple[str, ...], lacking: str
    ) -> None:
        with pytest.raises(ValueError, match=lacking):
            encode_text(text, terms)

    def test_an_unknown_term_is_refused(self) -> None:
        with pytest.raises(ValueError, match="unknown character set 'BOGUS'"):
            encode_text("a", ("BOGUS",))

    @given(st.text())
    def test_utf_8_holds_everything_but_surrogates(self, text: str) -> None:
        raw = encode_text(text, ("ISO_IR 192",))
        assert raw.decode("utf-8") == text


class TestLeastSufficient:
    @pytest.mark.parametrize(
        ("texts", "terms"),
        [
            ([], ()),
            (["A", "B^*"], ()),
            (["A", "Müller*"], ("ISO_IR 100",)),
            (["Müller", "Łódź"], ("ISO_IR 192",)),
            (["\x85"], ("ISO_IR 192",)),
        ],
    )
    def test_is_the_smallest_that_holds_all(
        self, texts: list[str], terms: tuple[str, ...]
    ) -> None:
        assert least_sufficient(texts) == terms
        for text in texts:
            encode_text(text, terms)
