"""DICOM bytes: what we send is encoded once by pynetdicom, what comes back (`decode`) is read by it once.

An association for C-ECHO is always the same few bytes, and so are most answers. Asking pynetdicom for each of
them costs 13 to 17 times what moving them costs; asking it once for each distinct answer costs nothing, and an
answer that was never seen before is exactly the one that must be looked at.

pynetdicom is imported where it is used: it is 14 MB that the main process, which reads settings and sends nothing,
does without.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
MAX_LENGTH = 16382
"""The longest P-DATA that we accept, as we tell the peer."""

ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = 2, 3, 4, 5, 6, 7
# The two AE titles of an A-ASSOCIATE-RQ stand at fixed places (PS3.8 9.3.2).
_CALLED, _CALLING = slice(10, 26), slice(26, 42)

NOT_MENTIONED = -1
"""The result of a context on which the peer's answer says nothing."""


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
        """The peer's word on a context; NOT_MENTIONED if it said none."""
        return next((result for number, result in self.results if number == context_id), NOT_MENTIONED)


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
    from pydicom.uid import UID
    from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION, build_context
    from pynetdicom.pdu import A_ASSOCIATE_RQ
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        ImplementationVersionNameNotification,
        MaximumLengthNotification,
        UserIdentityNegotiation,
    )

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
    from pydicom.uid import UID
    from pynetdicom.dimse_messages import C_ECHO_RQ
    from pynetdicom.dimse_primitives import C_ECHO
    from pynetdicom.pdu import P_DATA_TF

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
    from pynetdicom.pdu import A_RELEASE_RQ
    from pynetdicom.pdu_primitives import A_RELEASE

    pdu = A_RELEASE_RQ()
    pdu.from_primitive(A_RELEASE())
    return bytes(pdu.encode())


@lru_cache(maxsize=1)
def release_response() -> bytes:
    """An A-RELEASE-RP, for a peer that asks for release at the same time as we."""
    from pynetdicom.pdu import A_RELEASE_RP
    from pynetdicom.pdu_primitives import A_RELEASE

    primitive = A_RELEASE()
    primitive.result = "affirmative"
    pdu = A_RELEASE_RP()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


@lru_cache(maxsize=1)
def abort_request() -> bytes:
    """An A-ABORT by the service user, which is what giving up is (PS3.8 9.3.8)."""
    from pynetdicom.pdu import A_ABORT_RQ
    from pynetdicom.pdu_primitives import A_ABORT

    primitive = A_ABORT()
    primitive.abort_source = 0
    pdu = A_ABORT_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


@lru_cache(maxsize=1024)
def uid_name(uid: str) -> str:
    """The name of a registered UID, or the UID."""
    from pydicom.uid import UID

    return str(UID(uid).name)


def printable(text: str, limit: int = 64) -> str:
    """A peer's text with anything that could disturb a terminal or a label made harmless."""
    return "".join(char if char.isprintable() else "?" for char in str(text))[:limit].strip()
