from __future__ import annotations

import pytest

from pacs_monitor.dicom import reasons
from pacs_monitor.dicom.codec import Aborted

PLACE = "10.0.0.5:104"
SENTENCES = {
    "silence": lambda *asked: reasons.explain_silence("C-ECHO-TEST", PLACE, "dimse", 1.0, 0, *asked),
    "silence at release": lambda *asked: reasons.explain_silence("C-ECHO-TEST", PLACE, "release", 1.0, 0, *asked),
    "abort": lambda *asked: reasons.explain_abort(Aborted(0, 0), "C-ECHO-TEST", "dimse", "MON", *asked),
    "closed": lambda *asked: reasons.explain_closed("C-ECHO-TEST", PLACE, "dimse", "MON", 0, False, "reset", *asked),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_names_what_was_asked_and_leaves_the_nodes_name_alone(sentence: str) -> None:
    echo, store = SENTENCES[sentence](), SENTENCES[sentence]("C-STORE")
    assert store.startswith("C-ECHO-TEST ")
    assert "the C-STORE" in store
    assert store == "C-ECHO-TEST" + echo.removeprefix("C-ECHO-TEST").replace("C-ECHO", "C-STORE")
