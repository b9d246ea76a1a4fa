"""The nodes that are measured against: one Verification SCP that answers at once, after a while, or never."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.dimse_messages import C_ECHO_RSP
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.pdu import A_ASSOCIATE_AC, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)

from bench.common import ROOT, python
from pacs_monitor.dicom import codec

NEVER = -1
"""The delay of a node that accepts connections and never says a word."""
CALLED, CALLING = "BENCH", "PACSMON"
MESSAGE = slice(68, 70)
"""Where the message ID stands, in a request and in a response (checked below)."""


def host(number: int) -> str:
    """An address of this machine, another for each number: local ports do not run out, and every node is another."""
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def write_messages(folder: Path) -> None:
    """All PDUs of an association, encoded by pynetdicom: what clients in C send, and what the SCP answers."""
    contexts = (codec.Context(codec.VERIFICATION),)
    pdus = {
        "associate": codec.associate_request(CALLING, CALLED, contexts),
        "request": codec.echo_request(),
        "release": codec.release_request(),
        "accept": _accept(),
        "response": _response(),
        "released": codec.release_response(),
    }
    for name in ("request", "response"):
        if pdus[name][MESSAGE] != b"\x01\x00":
            raise RuntimeError(f"the message ID of the C-ECHO {name} is not where it was")
    for name, pdu in pdus.items():
        (folder / f"{name}.pdu").write_bytes(pdu)


class Scp:
    """The SCP as a process, a port for each delay. `ended` holds what it said at its end."""

    def __init__(self, folder: Path, built: dict[str, Path], delays: Sequence[float]) -> None:
        """`built` are the compiled yardsticks; delays are in seconds, or NEVER."""
        write_messages(folder)
        words = [str(NEVER if delay == NEVER else round(delay * 1e6)) for delay in delays]
        self._command = [str(built["scp"])] if "scp" in built else python("bench.scp")
        self._command += [str(folder), *words]
        self._delays = delays
        self.ended: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ports = map(int, self._process.stdout.readline().split())
        self._ports = dict(zip(self._delays, ports, strict=True))
        return self

    def port(self, delay: float) -> int:
        """Where it answers after so many seconds."""
        return self._ports[delay]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        said, _ = self._process.communicate()
        self.ended = json.loads(said.splitlines()[-1]) if said else {}


def _accept() -> bytes:
    answer = A_ASSOCIATE()
    answer.application_context_name = UID(codec.APPLICATION_CONTEXT)
    answer.calling_ae_title, answer.called_ae_title = CALLING, CALLED
    answer.result, answer.result_source = 0, 1
    context = build_context(UID(codec.VERIFICATION), UID(codec.IMPLICIT_VR_LITTLE_ENDIAN))
    context.context_id, context.result = 1, 0
    answer.presentation_context_definition_results_list = [context]
    longest, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    version = ImplementationVersionNameNotification()
    longest.maximum_length_received = codec.MAX_LENGTH
    implementation.implementation_class_uid = UID("1.2.826.0.1.3680043.9.3811.1.0.0")
    version.implementation_version_name = "BENCH"
    answer.user_information = [longest, implementation, version]
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    return bytes(pdu.encode())


def _response() -> bytes:
    answer = C_ECHO()
    answer.MessageIDBeingRespondedTo = 1
    answer.AffectedSOPClassUID = UID(codec.VERIFICATION)
    answer.Status = 0
    message = C_ECHO_RSP()
    message.primitive_to_message(answer)
    encoded = b""
    for data in message.encode_msg(1, codec.MAX_LENGTH):
        pdu = P_DATA_TF()
        pdu.from_primitive(data)
        encoded += pdu.encode()
    return encoded
