"""What `probe` prints of one node, in 80 columns."""

import io

from rich.console import Console

from pacs_monitor.probing import Probed
from pacs_monitor.probing_view import show


def printed(samples: list[tuple[str, dict[str, str], float]]) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    show(console, [Probed("archive", "c_echo", "c_echo", "normal", "", "", 0.0, 0.1, samples)], detail=True)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in text.partition("\n\n")[2].splitlines()]


def test_labels_that_do_not_fit_beside_the_value_have_lines_of_their_own() -> None:
    peer = {"implementation_uid": "1.2.276.0.7230010.3.0.3.6.7", "implementation_version": "OFFIS_DCMTK_367"}
    assert printed(
        [("pacs_dicom_phase_seconds", {"phase": "connect"}, 0.000284613), ("pacs_dicom_peer_info", peer, 1.0)]
    ) == [
        "pacs_dicom_phase_seconds{phase=connect}           0.000284613",
        "pacs_dicom_peer_info                                        1",
        "  implementation_uid=1.2.276.0.7230010.3.0.3.6.7",
        "  implementation_version=OFFIS_DCMTK_367",
        "the check succeeds",
    ]


def test_what_a_peer_calls_itself_is_shown_as_it_is() -> None:
    lines = printed([("pacs_dicom_peer_info", {"implementation_version": "[bold]V1[/bold]"}, 1.0)])
    assert lines[0] == "pacs_dicom_peer_info{implementation_version=[bold]V1[/bold]}  1"


def test_a_label_without_a_value_is_none() -> None:
    labels = {"for_station": "CT1", "for_modality": ""}
    assert printed([("pacs_worklist_entries", labels, 2.0)])[0] == "pacs_worklist_entries{for_station=CT1}  2"
