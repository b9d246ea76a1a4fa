"""The callers that the tests are: pynetdicom as SCU."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association
from pynetdicom.events import EventHandlerType
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import time

from pacs_monitor.simulator.address import NodeAddress


@contextmanager
def associate(
    node: NodeAddress,
    *sop_classes: str,
    calling: str = "PACSMON",
    handlers: Sequence[EventHandlerType] = (),
    as_scp_of: Sequence[str] = (),
) -> Iterator[Association]:
    """Request an association, whatever comes of it, and leave nothing open."""
    ae = AE(calling)
    ae.connection_timeout = ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = 30
    for sop_class in [*(sop_classes or (Verification,)), *as_scp_of]:
        ae.add_requested_context(sop_class, ExplicitVRLittleEndian)
    roles = [build_role(sop_class, scu_role=True, scp_role=True) for sop_class in as_scp_of]
    association = ae.associate(
        node.host, node.port, ae_title=node.ae_title, evt_handlers=list(handlers), ext_neg=list(roles)
    )
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def echo(node: NodeAddress, calling: str = "PACSMON") -> bool:
    """Whether the node answers C-ECHO with success."""
    with associate(node, calling=calling) as association:
        return association.is_established and association.send_c_echo().get("Status") == 0


def find(node: NodeAddress, model: str, keys: Dataset) -> list[Dataset]:
    """The identifiers of a C-FIND that ends with success."""
    with associate(node, model) as association:
        responses = list(association.send_c_find(keys, model))
    assert responses[-1][0].Status == 0
    return [identifier for _, identifier in responses[:-1] if identifier is not None]


def store(node: NodeAddress, instance: Dataset) -> int:
    """The status of a C-STORE."""
    with associate(node, instance.SOPClassUID) as association:
        return int(association.send_c_store(instance).Status)


def get(node: NodeAddress, model: str, keys: Dataset) -> tuple[int, list[Dataset]]:
    """The last status of a C-GET, and what it sent."""
    received: list[Dataset] = []

    def keep(event: evt.Event) -> int:
        received.append(event.dataset)
        return 0

    with associate(
        node, model, handlers=[(evt.EVT_C_STORE, keep)], as_scp_of=[SecondaryCaptureImageStorage]
    ) as association:
        responses = list(association.send_c_get(keys, model))
    return int(responses[-1][0].Status), received


def image(study: str = "", series: str = "") -> Dataset:
    """A tiny Secondary Capture of a synthetic patient, in a new study unless one is given."""
    instance = Dataset()
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    instance.SOPClassUID = SecondaryCaptureImageStorage
    instance.SOPInstanceUID = generate_uid(prefix=None)
    instance.StudyInstanceUID = study or generate_uid(prefix=None)
    instance.SeriesInstanceUID = series or generate_uid(prefix=None)
    instance.PatientID = "SYNTHETIC"
    instance.PatientName = "SYNTHETIC^TEST"
    instance.StudyDate = "20250102"
    instance.StudyTime = "080000"
    instance.Modality = "OT"
    instance.Rows = instance.Columns = 4
    instance.SamplesPerPixel = 1
    instance.PhotometricInterpretation = "MONOCHROME2"
    instance.BitsAllocated = instance.BitsStored = 8
    instance.HighBit = 7
    instance.PixelRepresentation = 0
    instance.PixelData = bytes(range(16))
    return instance
