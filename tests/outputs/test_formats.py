from __future__ import annotations

import pyarrow as pa
import pytest

from batchfind.job.model import OutputFormat
from batchfind.job.output_model import TableKind
from batchfind.outputs.formats import FORMATS, Piece, has_table, schema_of
from batchfind.tables.slabs import Slab
from tests.outputs.documents import Memory
from tests.outputs.places import planned, study_query
from tests.tables.material import STEPS, query

TABULAR = [form for form, record in FORMATS.items() if record.tabular]


class TestFormats:
    def test_have_a_record_each(self) -> None:
        assert set(FORMATS) == set(OutputFormat)

    def test_have_each_their_own_suffix(self) -> None:
        assert len({record.suffix for record in FORMATS.values()}) == len(FORMATS)

    @pytest.mark.parametrize("form", TABULAR)
    @pytest.mark.parametrize("typed", [True, False])
    def test_can_hold_every_column_they_are_given(
        self, form: OutputFormat, *, typed: bool
    ) -> None:
        asked = query(["StudyDate", f"{STEPS}.Modality", "ModalitiesInStudy"])
        output = planned("/x", form, typed=typed)
        schema = schema_of(output, asked)
        memory = Memory()
        writer = FORMATS[form].writer(memory, output, asked, schema)
        batch = pa.RecordBatch.from_pylist([{}, {}], schema.arrow)
        assert writer.write(Piece(Slab(()), batch)) == 2
        writer.close()
        assert memory.content

    def test_nest_only_where_the_file_can(self) -> None:
        asked = query([f"{STEPS}.Modality"])
        kinds = {
            form: schema_of(planned("/x", form, typed=True), asked).arrow.field(0).type
            for form in TABULAR
        }
        assert pa.types.is_list(kinds[OutputFormat.PARQUET])
        assert kinds[OutputFormat.CSV] == pa.string()

    @pytest.mark.parametrize("form", OutputFormat)
    def test_need_rows_or_the_responses_themselves(self, form: OutputFormat) -> None:
        output = planned("/x", form)
        assert has_table(output) == (form in TABULAR)
        if has_table(output):
            with pytest.raises(ValueError, match="needs a table"):
                FORMATS[form].writer(Memory(), output, study_query(), None)

    def test_of_requests_are_tables(self) -> None:
        output = planned("/x", OutputFormat.JSONL, table=TableKind.REQUESTS)
        assert has_table(output)
        assert "bf_verdict" in schema_of(output, study_query()).names
