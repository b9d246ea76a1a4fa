"""What a server means by a status that is no success, and what to do about it."""

from __future__ import annotations

from pacs_monitor.check import Reason

_REFUSED: dict[int, tuple[Reason, str]] = {
    401: ("forbidden", "wants a user or token that it knows; correct username and password_file, or bearer_token_file"),
    403: ("forbidden", "does not permit this; have the user or this machine let in there"),
    404: ("not_found", "has no such page; correct the address"),
    507: ("threshold", "has no space left; free space there, or enlarge its storage"),
}


def refusal(status: int) -> tuple[Reason, str]:
    """The reason, and a sentence without its subject."""
    return _REFUSED.get(status, ("aborted", "cannot answer; look into its log at this time"))
