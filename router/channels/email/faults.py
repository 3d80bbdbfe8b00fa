"""What an SMTP server's refusal means. Pure.

The codes are RFC 5321's (4.2.3), RFC 4954's for authentication and RFC 3463's enhanced ones. A code's meaning depends
on what it answers: a 550 to RCPT is about the recipient, a 554 to DATA about the message, a 554 as a greeting about us.
"""

from __future__ import annotations

import enum
import re

from router.notifier import Outcome, Reason, Rejected, Retry

ENHANCED = re.compile(r"\s*[245]\.(\d{1,3})\.(\d{1,3})\b")
RATE_LIMITS = frozenset({421, 450})
"""421 ends a connection that is one too many, 450 puts a recipient off: greylisting, or too much mail."""
AUTHENTICATION = frozenset({530, 534, 535, 538})
RECIPIENT = frozenset({550, 551, 553})


class Stage(enum.StrEnum):
    """What the server was answering."""

    CONNECT = "greeting"
    LOGIN = "AUTH"
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"


def judge(code: int, text: str, stage: Stage, detail: str) -> Outcome:
    """The outcome of a reply that isn't the wanted one. `detail`: the reply, redacted."""
    if 400 <= code < 500:
        # Nothing was accepted: the message can't have been shown.
        return Retry(Reason.RATE_LIMITED if code in RATE_LIMITS else Reason.UNAVAILABLE, detail=detail)
    if not 500 <= code < 600:
        return Retry(Reason.BAD_ANSWER, maybe_shown=stage is Stage.DATA, detail=detail)
    if code in AUTHENTICATION or stage in {Stage.CONNECT, Stage.LOGIN}:
        return Rejected(Reason.BAD_CREDENTIALS, "destination", detail)
    if stage is Stage.SENDER:
        # 552 here is the size that was announced; else the server doesn't let us write as this sender.
        if code == 552:
            return Rejected(Reason.BAD_MESSAGE, "message", detail)
        return Rejected(Reason.MISCONFIGURED, "destination", detail)
    if stage is Stage.RECIPIENT or _about_recipient(code, text):
        return Rejected(Reason.NO_SUCH_DESTINATION, "destination", detail)
    return Rejected(Reason.BAD_MESSAGE, "message", detail)


def _about_recipient(code: int, text: str) -> bool:
    """Whether an answer to the mail's content is about its recipient, as a server says that looks late."""
    enhanced = ENHANCED.match(text)
    if enhanced:
        # 5.1: the address; 5.2.0 to 5.2.2: the mailbox, where 5.2.3 is a message too long for it.
        return enhanced[1] == "1" or (enhanced[1] == "2" and enhanced[2] in {"0", "1", "2"})
    return code in RECIPIENT
