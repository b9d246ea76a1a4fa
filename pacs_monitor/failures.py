"""What an exception of the operating system means for a check, in a word of the closed list and a sentence."""

from __future__ import annotations

import errno
import os
import socket
import ssl

from pacs_monitor.check import CheckFailed
from pacs_monitor.memory import NotSaved

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)


def explain_os_error(error: OSError, what: str, path: str = "") -> CheckFailed:
    """The failure for an OSError that a check let through; `what` names the target (`archive (10.0.0.5:104)`).

    `path` names the file that it is about, if it is about one.
    """
    number = error.errno
    if isinstance(error, NotSaved):
        return CheckFailed(
            "broken",
            f"the agent could not save what its check of {what} must keep ({error}); look at the disk of data_dir",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return CheckFailed(
            "broken", f"the agent has too many files open to check {what}; raise its limit (LimitNOFILE, ulimit -n)"
        )
    if isinstance(error, socket.gaierror):
        why = error.strerror or "no answer"
        return CheckFailed(
            "dns", f"the name of {what} cannot be resolved ({why}); correct host, or ask the DNS's owner"
        )
    if isinstance(error, ssl.SSLError):
        why = (error.reason or "failed").lower().replace("_", " ")
        return CheckFailed("tls", f"no TLS with {what}: {why}; look at the certificates of both sides")
    if isinstance(error, TimeoutError):
        return CheckFailed("timeout", f"{what} did not answer in time; is it on, and does a firewall drop the packets?")
    if isinstance(error, ConnectionRefusedError):
        return CheckFailed(
            "refused",
            f"{what} refuses the connection: nothing listens there; start the service, or correct the port",
        )
    if isinstance(error, ConnectionError):
        return CheckFailed("aborted", f"{what} ended the connection; look into its log at this time")
    if number in _UNREACHABLE:
        return CheckFailed(
            "unreachable", f"there is no way to {what}: {os.strerror(number or 0)}; ask the network team"
        )
    if path or isinstance(error, FileNotFoundError):
        return _explain_file_error(error, what, path or "a file or folder")
    if isinstance(error, PermissionError):
        return CheckFailed("forbidden", f"the agent may not do that with {what}; give its user the permission")
    return CheckFailed("unreachable", f"{what} cannot be reached: {_why(error)}; look at it and at the way to it")


def _explain_file_error(error: OSError, what: str, path: str) -> CheckFailed:
    if isinstance(error, PermissionError):
        return CheckFailed("forbidden", f"{what}: the agent may not use {path}; give its user the permission")
    if isinstance(error, FileNotFoundError):
        return CheckFailed("not_found", f"{what}: {path} is not there; make or mount it, or correct the path")
    sentence = f"{what}: {path} cannot be used ({_why(error)}); look at it, and at the disk or share that it is on"
    return CheckFailed("unreachable", sentence)


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else type(error).__name__
