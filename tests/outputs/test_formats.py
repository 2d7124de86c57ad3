from __future__ import annotations

import io

import pyarrow as pa
import pytest

from batchfind.job.model import OutputFormat, Overwrite, Publish
from batchfind.outputs.formats import FORMATS, schema_of
from batchfind.plan.model import PlannedOutput
from tests.tables.material import STEPS, query


def planned(form: OutputFormat, *, typed: bool) -> PlannedOutput:
    return PlannedOutput(
        path="/x",
        format=form,
        query="q",
        requests=(),
        typed=typed,
        provenance=False,
        publish=Publish.COMPLETE,
        overwrite=Overwrite.REPLACE,
    )


class TestFormats:
    def test_have_a_record_each(self) -> None:
        assert set(FORMATS) == set(OutputFormat)

    @pytest.mark.parametrize("form", OutputFormat)
    @pytest.mark.parametrize("typed", [True, False])
    def test_can_hold_every_column_they_are_given(
        self, form: OutputFormat, *, typed: bool
    ) -> None:
        asked = query(["StudyDate", f"{STEPS}.Modality", "ModalitiesInStudy"])
        schema = schema_of(planned(form, typed=typed), asked).arrow
        writer = FORMATS[form].writer(io.BytesIO(), schema)
        writer.write(pa.RecordBatch.from_pylist([{}, {}], schema))
        writer.close()

    def test_nest_only_where_the_file_can(self) -> None:
        asked = query([f"{STEPS}.Modality"])
        kinds = {
            form: schema_of(planned(form, typed=True), asked).arrow.field(0).type
            for form in OutputFormat
        }
        assert pa.types.is_list(kinds[OutputFormat.PARQUET])
        assert kinds[OutputFormat.CSV] == pa.string()
