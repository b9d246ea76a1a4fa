"""What all channels share: TLS, secrets, and sentences for what goes wrong."""

from __future__ import annotations

import ssl

from pacs_monitor.deadline import Deadline
from pacs_monitor.failures import explain_os_error
from pacs_monitor.notify.notification import FAILURES, DeliveryFailed
from pacs_monitor.routing.definitions import Secret, Tls

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


def tls_context(tls: Tls, what: str) -> ssl.SSLContext:
    """Verifies the peer unless that is turned off. Raises DeliveryFailed if a file cannot be used."""
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:
        files = " and ".join(str(one) for one in (tls.ca_file, tls.cert_file, tls.key_file) if one)
        raise DeliveryFailed(
            "tls", f"the certificates for {what} cannot be used ({_of_file(error)}); look at {files}"
        ) from None
    if tls.min_version:
        context.minimum_version = _VERSIONS[tls.min_version]
    if tls.max_version:
        context.maximum_version = _VERSIONS[tls.max_version]
    if tls.insecure_skip_verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def read_secret(secret: Secret, what: str) -> str:
    """The text. Raises DeliveryFailed if its file cannot be read, or holds more than one line."""
    try:
        text = secret.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DeliveryFailed(
            "secret", f"the file with {what} cannot be read ({_of_file(error)}); look at {secret.file}"
        ) from None
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        where = f"look at {secret.file}" if secret.file else "correct it"
        raise DeliveryFailed("secret", f"{what} holds a line break or another control character; {where}", retry=False)
    return text


def _of_file(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no certificate").lower().replace("_", " ")
    return (error.strerror if isinstance(error, OSError) else "") or "it is no such file"


def explain(error: OSError, what: str, deadline: Deadline) -> DeliveryFailed:
    """The failure for an error of the network; `what` is host and port."""
    if deadline.over or isinstance(error, TimeoutError):
        return DeliveryFailed("timeout", f"{what} did not answer in time; is it overloaded, or a firewall in the way?")
    if isinstance(error, ssl.SSLCertVerificationError):
        return DeliveryFailed(
            "tls",
            f"the certificate of {what} is not to be trusted ({error.verify_message}); renew it there, "
            f"or set ca_file or server_name of its tls_config",
        )
    failure = explain_os_error(error, what)
    return DeliveryFailed(failure.reason if failure.reason in FAILURES else "unreachable", failure.message)
