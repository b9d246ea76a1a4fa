"""What the answers of a mail server mean (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

import re

from pacs_monitor.notify.notification import DeliveryFailed
from pacs_monitor.notify.plain import one_line

_MOST = 120
_WORD = re.compile(r"\w{4,}")
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}")


def shown(answer: tuple[int, bytes], *, said: bool = True) -> str:
    """Code and words of an answer; without `said` no words but the enhanced code."""
    code, words = answer
    if said:
        return one_line(f"{code} {words.decode('utf-8', 'replace')}", _MOST)
    enhanced = _ENHANCED.match(words)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)


def repeats(answer: tuple[int, bytes], *texts: str) -> bool:
    """Whether an answer seems to hold words of what was sent: then it is nothing for logs."""
    said = {word.lower() for word in _WORD.findall(answer[1].decode("utf-8", "replace"))}
    return any(said & {word.lower() for word in _WORD.findall(text)} for text in texts)


def refused(
    answer: tuple[int, bytes], what: str, remedy: str, reason: str = "rejected", *, said: bool = True
) -> DeliveryFailed:
    """The failure for an answer: from 400 on it may go well later, from 500 on somebody has to do something."""
    code = answer[0]
    if code >= 500:
        return DeliveryFailed(reason, f"{what} ({shown(answer, said=said)}); {remedy}", retry=False)
    if code >= 400:
        return DeliveryFailed(
            "busy", f"{what} for now ({shown(answer, said=said)}); if it stays so, ask who runs the mail server"
        )
    return DeliveryFailed("mismatch", f"{what}, with an answer that is none of SMTP's ({code}); correct the smarthost")
