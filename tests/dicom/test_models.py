from __future__ import annotations

import pynetdicom.sop_class
import pytest

from batchfind.dicom.models import MODELS, InformationModel, WindowPair, model_of
from batchfind.dicom.paths import parse_path

SOP_CLASSES = {
    "worklist": "ModalityWorklistInformationFind",
    "patient": "PatientRootQueryRetrieveInformationModelFind",
    "study": "StudyRootQueryRetrieveInformationModelFind",
    "patient-study": "PatientStudyOnlyQueryRetrieveInformationModelFind",
    "ups-pull": "UnifiedProcedureStepPull",
    "ups-watch": "UnifiedProcedureStepWatch",
    "ups-query": "UnifiedProcedureStepQuery",
    "hanging-protocol": "HangingProtocolInformationModelFind",
    "color-palette": "ColorPaletteInformationModelFind",
    "relevant-patient-general": "GeneralRelevantPatientInformationQuery",
    "relevant-patient-breast": "BreastImagingRelevantPatientInformationQuery",
    "relevant-patient-cardiac": "CardiacRelevantPatientInformationQuery",
    "implant-generic": "GenericImplantTemplateInformationModelFind",
    "implant-assembly": "ImplantAssemblyTemplateInformationModelFind",
    "implant-group": "ImplantTemplateGroupInformationModelFind",
    "protocol-defined": "DefinedProcedureProtocolInformationModelFind",
    "protocol-approval": "ProtocolApprovalInformationModelFind",
    "substance-approval": "SubstanceApprovalQuery",
    "substance-administration": "ProductCharacteristicsQuery",
    "inventory": "InventoryFind",
    "repository": "RepositoryQuery",
}


class TestTable:
    def test_names_are_those_of_the_job_file(self) -> None:
        assert list(MODELS) == list(SOP_CLASSES)

    @pytest.mark.parametrize(("name", "sop_class"), SOP_CLASSES.items())
    def test_uids_are_those_pynetdicom_knows(self, name: str, sop_class: str) -> None:
        assert MODELS[name].uid == str(getattr(pynetdicom.sop_class, sop_class))

    def test_lacks_none_of_pynetdicoms(self) -> None:
        known = {
            str(uid)
            for name, uid in vars(pynetdicom.sop_class).items()
            if name.endswith(("Find", "Query")) and str(uid).startswith("1.2.840.10008")
        }
        procedure_steps = {
            MODELS[f"ups-{name}"].uid for name in ("pull", "watch", "query")
        }
        assert {model.uid for model in MODELS.values()} == known | procedure_steps

    @pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
    def test_every_name_in_it_is_an_attribute(self, model: InformationModel) -> None:
        names = set(model.model_identity)
        for level in model.query_levels:
            names |= level.keys | set(level.identity)
        for pair in model.window_pairs:
            names |= {pair.date, pair.time or pair.date}
        for name in names:
            assert parse_path(name).dotted == name

    @pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
    def test_window_pairs_are_date_and_time(self, model: InformationModel) -> None:
        for pair in model.window_pairs:
            vrs = (parse_path(pair.date).vr, pair.time and parse_path(pair.time).vr)
            assert vrs in {("DA", "TM"), ("DT", None)}
        if model.default_window_key:
            assert model.pair_of(model.default_window_key)

    @pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
    def test_a_key_belongs_to_one_level_only(self, model: InformationModel) -> None:
        every = [key for level in model.query_levels for key in level.keys]
        assert len(every) == len(set(every))


class TestLevels:
    def test_patient_root_has_four(self) -> None:
        assert MODELS["patient"].levels == ("PATIENT", "STUDY", "SERIES", "IMAGE")

    def test_study_root_holds_the_patient_at_the_study(self) -> None:
        study = MODELS["study"]
        assert study.levels == ("STUDY", "SERIES", "IMAGE")
        assert study.level_of_key("PatientName") == "STUDY"
        assert MODELS["patient"].level_of_key("PatientName") == "PATIENT"

    def test_unique_key_and_identity(self) -> None:
        patient = MODELS["patient"]
        assert patient.unique_key("SERIES") == "SeriesInstanceUID"
        assert patient.identity("PATIENT") == ("PatientID", "IssuerOfPatientID")
        assert patient.identity(None) == ()

    def test_upper_levels_come_from_the_top(self) -> None:
        above = MODELS["patient"].upper_levels("SERIES")
        assert [level.unique for level in above] == ["PatientID", "StudyInstanceUID"]

    def test_an_unknown_key_belongs_to_none(self) -> None:
        assert MODELS["study"].level_of_key("TimezoneOffsetFromUTC") is None

    def test_a_wrong_level_names_the_right_ones(self) -> None:
        with pytest.raises(ValueError, match="use STUDY, SERIES, IMAGE"):
            MODELS["study"].level("PATIENT")

    def test_a_model_without_levels_says_so(self) -> None:
        with pytest.raises(ValueError, match="has no levels"):
            MODELS["worklist"].level("STUDY")


class TestWorklist:
    def test_rows_are_the_scheduled_steps(self) -> None:
        worklist = MODELS["worklist"]
        assert worklist.row_sequence == "ScheduledProcedureStepSequence"
        assert len(worklist.identity(None)) == 3
        assert worklist.pair_of("StudyDate") is None

    def test_the_start_date_has_its_time(self) -> None:
        worklist = MODELS["worklist"]
        prefix = "ScheduledProcedureStepSequence.ScheduledProcedureStepStart"
        pair = worklist.pair_of(worklist.default_window_key or "")
        assert pair == WindowPair(f"{prefix}Date", f"{prefix}Time")


class TestModelOf:
    def test_name_and_uid_give_the_same(self) -> None:
        assert model_of("study") is model_of("1.2.840.10008.5.1.4.1.2.2.1")

    def test_any_other_uid_is_a_model_without_levels(self) -> None:
        model = model_of("1.2.3.4")
        assert (model.name, model.uid, model.levels) == ("1.2.3.4", "1.2.3.4", ())

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("worklists", "did you mean 'worklist'?"),
            ("STUDY", "did you mean 'study'?"),
            ("xyzzy", "use worklist, patient"),
            ("1.2.03", "unknown information model"),
            ("1." + "2" * 63, "unknown information model"),
        ],
    )
    def test_anything_else_is_refused(self, text: str, hint: str) -> None:
        with pytest.raises(ValueError, match=hint.replace("?", r"\?")):
            model_of(text)
