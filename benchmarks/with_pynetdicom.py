"""What a script with pynetdicom does: ask, and keep every response as a data set."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom import _config as settings
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from benchmarks.contenders import STEP_KEYS, STUDY_KEYS, WORKLIST_KEYS

_MODELS = {
    "study": StudyRootQueryRetrieveInformationModelFind,
    "worklist": ModalityWorklistInformationFind,
}


def main() -> None:
    """`MODEL PORT TITLE FILE`; ends with 1 when the answer is not a success.

    What it takes to start, in seconds of CPU, is written to the file.
    """
    model, port, title, once = sys.argv[1:]
    settings.LOG_RESPONSE_IDENTIFIERS = False
    entity = AE()
    entity.add_requested_context(_MODELS[model])
    association = entity.associate("127.0.0.1", int(port), ae_title=title)
    Path(once).write_text(json.dumps(time.process_time()))
    kept = []
    status = 0xFFFF
    for answer, identifier in association.send_c_find(_query(model), _MODELS[model]):
        status = answer.Status
        if identifier is not None:
            kept.append(identifier)
    association.release()
    sys.exit(0 if status == 0 and kept else 1)


def _query(model: str) -> Dataset:
    query = Dataset()
    if model == "study":
        query.QueryRetrieveLevel = "STUDY"
    for key in STUDY_KEYS if model == "study" else WORKLIST_KEYS:
        setattr(query, key, None)
    if model == "worklist":
        step = Dataset()
        for key in STEP_KEYS:
            setattr(step, key, None)
        query.ScheduledProcedureStepSequence = [step]
    return query


if __name__ == "__main__":
    main()
