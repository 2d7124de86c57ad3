from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchfind.job.response_names import FIELDS, check_name_template


class TestGood:
    @pytest.mark.parametrize(
        "template",
        [
            "{request}-{response:06}.dcm",
            "{response}",
            "{peer}/{query}/{request}_{response:4d}.dcm",
            "{{x}}{response:}",
        ],
    )
    def test_templates_have_no_fault(self, template: str) -> None:
        assert check_name_template(template) == ""
        values = dict.fromkeys(FIELDS, "a") | {"response": 1}
        assert template.format(**values)


class TestBad:
    @pytest.mark.parametrize(
        ("template", "fault"),
        [
            ("{request.dcm", "its braces do not match"),
            ("response}", "its braces do not match"),
            ("{PatientID}-{response}", "{PatientID} is unknown"),
            ("{}-{response}", "{} is unknown"),
            ("{0}-{response}", "{0} is unknown"),
            ("{request.__class__}-{response}", "is unknown"),
            ("{request[0]}-{response}", "is unknown"),
            ("{response!r}", "converts"),
            ("{response:0999}", "is no width"),
            ("{response:.3f}", "is no width"),
            ("{response:{query}}", "is no width"),
            ("{request:>8}-{response}", "takes no format"),
            ("{request}.dcm", "it lacks {response}"),
            ("", "it lacks {response}"),
            ("/{response}", "begins or ends with /"),
            ("{response}/", "begins or ends with /"),
            ("../{response}", "only dots"),
            ("a//{response}", "is empty"),
            ("a\\{response}", "'\\\\' cannot be part"),
            ("a\n{response}", "cannot be part"),
        ],
    )
    def test_templates_say_what_to_do(self, template: str, fault: str) -> None:
        assert fault in check_name_template(template)

    @given(st.text(alphabet="{}!:.[]/\\-0d6 requestponsyi", max_size=30))
    def test_no_template_without_fault_fails_later(self, template: str) -> None:
        if not check_name_template(template):
            values = dict.fromkeys(FIELDS, "a") | {"response": 1}
            assert len(template.format(**values)) < 200
