"""DICOM bytes: what we send is encoded once by pynetdicom, what comes back is decoded by it once.

An association for C-ECHO is always the same few bytes, and so are most answers. Asking pynetdicom for each of
them costs 13 to 17 times what moving them costs; asking it once for each distinct answer costs nothing, and an
answer that was never seen before is exactly the one that must be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, TypeVar

from pydicom.uid import UID
from pynetdicom import (
    PYNETDICOM_IMPLEMENTATION_UID,
    PYNETDICOM_IMPLEMENTATION_VERSION,
    build_context,
)
from pynetdicom.dimse_messages import C_ECHO_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.pdu import (
    A_ABORT_RQ,
    A_ASSOCIATE_AC,
    A_ASSOCIATE_RJ,
    A_ASSOCIATE_RQ,
    A_RELEASE_RP,
    A_RELEASE_RQ,
    P_DATA_TF,
)
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    A_RELEASE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    UserIdentityNegotiation,
)

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
MAX_LENGTH = 16382
"""The longest P-DATA that we accept, as we tell the peer."""

ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 3, 4, 5, 6, 7
# The two AE titles of an A-ASSOCIATE-RQ stand at fixed places (PS3.8 9.3.2).
_CALLED, _CALLING = slice(10, 26), slice(26, 42)

Answer = TypeVar("Answer")


class Malformed(Exception):
    """Bytes that are not what PS3.8 says they should be."""


@dataclass(frozen=True)
class Context:
    """A presentation context to propose: an abstract syntax and its transfer syntaxes, as UIDs."""

    abstract: str
    transfers: tuple[str, ...] = (IMPLICIT_VR_LITTLE_ENDIAN,)


@dataclass(frozen=True)
class Identity:
    """User identity (PS3.7 D.3.3.7): a name, and with it perhaps a passcode, which repr does not show."""

    username: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Accepted:
    """An A-ASSOCIATE-AC: the result of each context (0 is acceptance), and who answered."""

    results: tuple[tuple[int, int], ...]
    transfers: tuple[tuple[int, str], ...]
    implementation_uid: str
    implementation_version: str
    max_length: int

    def result(self, context_id: int) -> int:
        """The peer's word on a context; 2, "no reason", if it did not mention it."""
        return next((result for number, result in self.results if number == context_id), 2)


@dataclass(frozen=True)
class Rejected:
    """An A-ASSOCIATE-RJ: result, source and reason as numbers (PS3.8 9.3.4)."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True)
class Aborted:
    """An A-ABORT: source and reason as numbers (PS3.8 9.3.8)."""

    source: int
    reason: int


@dataclass(frozen=True)
class Response:
    """A C-ECHO response: its status, the message it answers and the context it came in."""

    status: int
    message_id: int
    context_id: int


@lru_cache(maxsize=256)
def _associate_shape(contexts: tuple[Context, ...], identity: Identity | None) -> bytes:
    request = A_ASSOCIATE()
    request.application_context_name = UID(APPLICATION_CONTEXT)
    request.calling_ae_title = request.called_ae_title = "ANY"
    proposed = []
    for place, context in enumerate(contexts):
        built = build_context(UID(context.abstract), [UID(uid) for uid in context.transfers])
        built.context_id = 2 * place + 1
        proposed.append(built)
    request.presentation_context_definition_list = proposed
    longest = MaximumLengthNotification()
    longest.maximum_length_received = MAX_LENGTH
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(PYNETDICOM_IMPLEMENTATION_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = PYNETDICOM_IMPLEMENTATION_VERSION
    request.user_information = [longest, implementation, version]
    if identity is not None:
        user = UserIdentityNegotiation()
        user.user_identity_type = 1 if identity.password is None else 2
        user.primary_field = identity.username.encode()
        if identity.password is not None:
            user.secondary_field = identity.password.encode()
        request.user_information.append(user)
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(request)
    return bytes(pdu.encode())


def associate_request(
    calling: str, called: str, contexts: tuple[Context, ...], identity: Identity | None = None
) -> bytes:
    """An A-ASSOCIATE-RQ. Context IDs are 1, 3, 5 ... in the order given.

    pynetdicom encodes each shape once (1 ms); a node's AE titles are then set in their fixed places.
    """
    pdu = bytearray(_associate_shape(contexts, identity))
    pdu[_CALLED] = called.ljust(16).encode("ascii")
    pdu[_CALLING] = calling.ljust(16).encode("ascii")
    return bytes(pdu)


@lru_cache(maxsize=128)
def echo_request(context_id: int = 1, message_id: int = 1) -> bytes:
    """A C-ECHO-RQ as a P-DATA-TF."""
    primitive = C_ECHO()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = UID(VERIFICATION)
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    message.context_id = context_id
    encoded = b""
    for data in message.encode_msg(context_id, MAX_LENGTH):
        pdu = P_DATA_TF()
        pdu.from_primitive(data)
        encoded += pdu.encode()
    return encoded


@lru_cache(maxsize=1)
def release_request() -> bytes:
    """An A-RELEASE-RQ."""
    pdu = A_RELEASE_RQ()
    pdu.from_primitive(A_RELEASE())
    return bytes(pdu.encode())


@lru_cache(maxsize=1)
def release_response() -> bytes:
    """An A-RELEASE-RP, for a peer that asks for release at the same time as we."""
    primitive = A_RELEASE()
    primitive.result = "affirmative"
    pdu = A_RELEASE_RP()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


@lru_cache(maxsize=1)
def abort_request() -> bytes:
    """An A-ABORT by the service user, which is what giving up is (PS3.8 9.3.8)."""
    primitive = A_ABORT()
    primitive.abort_source = 0
    pdu = A_ABORT_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


def decode_association(pdu: bytes) -> Accepted | Rejected | Aborted:
    """The answer to an A-ASSOCIATE-RQ. Raises Malformed."""
    kind = pdu[0]
    if kind == ASSOCIATE_AC:
        return _decode(_accepted, pdu)
    if kind == ASSOCIATE_RJ:
        return _decode(_rejected, pdu)
    return decode_abort(pdu)


def decode_abort(pdu: bytes) -> Aborted:
    """An A-ABORT. Raises Malformed, also for any other PDU."""
    if pdu[0] != ABORT:
        raise Malformed(f"a PDU of type {pdu[0]} where it does not belong")
    return _decode(_aborted, pdu)


def _decode(decode: Callable[[bytes], Answer], pdu: bytes) -> Answer:
    try:
        return decode(pdu)
    except Exception as error:  # noqa: BLE001 - pynetdicom answers bad bytes with whatever its parser stumbles over
        raise Malformed(f"a PDU of type {pdu[0]} that cannot be read ({type(error).__name__})") from None


def _accepted(encoded: bytes) -> Accepted:
    pdu = A_ASSOCIATE_AC()
    pdu.decode(encoded)
    answer = pdu.to_primitive()
    contexts = answer.presentation_context_definition_results_list
    version = [item for item in answer.user_information if isinstance(item, ImplementationVersionNameNotification)]
    accepted = [context for context in contexts if context.result == 0]
    return Accepted(
        results=tuple((int(context.context_id or 0), int(context.result or 0)) for context in contexts),
        transfers=tuple((int(context.context_id or 0), str(context.transfer_syntax[0])) for context in accepted),
        implementation_uid=str(answer.implementation_class_uid or ""),
        implementation_version=printable(version[0].implementation_version_name or "") if version else "",
        max_length=int(answer.maximum_length_received or 0),
    )


def _rejected(encoded: bytes) -> Rejected:
    pdu = A_ASSOCIATE_RJ()
    pdu.decode(encoded)
    return Rejected(int(pdu.result or 0), int(pdu.source or 0), int(pdu.reason_diagnostic or 0))


def _aborted(encoded: bytes) -> Aborted:
    pdu = A_ABORT_RQ()
    pdu.decode(encoded)
    return Aborted(int(pdu.source or 0), int(pdu.reason_diagnostic or 0))


@lru_cache(maxsize=1024)
def uid_name(uid: str) -> str:
    """The name of a registered UID, or the UID."""
    return str(UID(uid).name)


def printable(text: str, limit: int = 64) -> str:
    """A peer's text with anything that could disturb a terminal or a label made harmless."""
    return "".join(char if char.isprintable() else "?" for char in str(text))[:limit].strip()


class Commands:
    """Puts the fragments of one DIMSE command together (PS3.8 annex E), across as many PDUs as they take."""

    __slots__ = ("_fragments", "_message")

    def __init__(self) -> None:
        self._message = DIMSEMessage()
        self._fragments = 0

    def add(self, pdu: bytes) -> Response | None:
        """The response if this P-DATA-TF completes it. Raises Malformed."""
        self._fragments += 1
        if self._fragments > 64:
            raise Malformed("a C-ECHO response in more than 64 fragments")
        return _decode(self._add, pdu)

    def _add(self, encoded: bytes) -> Response | None:
        pdu = P_DATA_TF()
        pdu.decode(encoded)
        data = pdu.to_primitive()
        if not self._message.decode_msg(data):
            return None
        answer = self._message.message_to_primitive()
        if not isinstance(answer, C_ECHO) or answer.Status is None or not answer.MessageIDBeingRespondedTo:
            raise Malformed("a message that is not a C-ECHO response")
        return Response(int(answer.Status), int(answer.MessageIDBeingRespondedTo), int(self._message.context_id or 0))


def decode_response(pdu: bytes) -> Response | None:
    """The C-ECHO response of one P-DATA-TF; None if it holds only a fragment. Raises Malformed."""
    return Commands().add(pdu)


class Memo(Generic[Answer]):
    """Remembers what bytes meant. Only small PDUs, and not too many: a hostile peer could fill it."""

    __slots__ = ("_decode", "_known", "_most")

    def __init__(self, decode: Callable[[bytes], Answer], most: int = 20_000) -> None:
        self._decode = decode
        self._known: dict[bytes, Answer] = {}
        self._most = most

    def __call__(self, pdu: bytes) -> Answer:
        """What the PDU says. Raises what decoding raises, each time."""
        answer = self._known.get(pdu)
        if answer is None:
            answer = self._decode(pdu)
            if len(pdu) < 512 and answer is not None:
                if len(self._known) >= self._most:
                    self._known.clear()
                self._known[pdu] = answer
        return answer
