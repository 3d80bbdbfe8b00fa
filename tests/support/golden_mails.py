"""The mails that tests/router/golden holds. Run as a program it writes them anew: look at what is different then."""

from __future__ import annotations

from pathlib import Path

from message_samples import ALERT, DELIVERY, FIRING, LOOK, OPENED, RESOLVED, snapshot

from router.messages.message import Link, Message, Note, build_message
from router.messages.templating import Templates
from router.model import MINUTE, Shown, View

FOLDER = Path(__file__).parents[1] / "router" / "golden"

NOTE = Note(
    "digest",
    "2 opened, 1 still open, 1 resolved",
    "Alerts that can wait, as of Monday 2 March, 09:00 (UTC).",
    "low",
    (
        ("Opened since the last digest (2)", ("www: certificate ends in 12 d, for 3 h", "db-2 <b>: disk full in 9 d")),
        ("Still open (1)", ("orders: backup is late, for 2 d 4 h",)),
        ("Resolved since the last digest (1)", ("cache: hit ratio is low, after 1 h 5 min",)),
    ),
    (Link("router", "All incidents", "https://router.example.com/"),),
)


def messages() -> dict[str, Message | Note]:
    """What is told, by the golden file's name."""
    over = {"open": False, "closed_at": OPENED + 15 * MINUTE, "counts": ()}
    second = ALERT._replace(labels={**ALERT.labels, "instance": "b:80"}, severity="medium")
    many = snapshot(ALERT, second, firing=14, total=20, flapping=True, reopened=(1, 2, 3, 4), escalated=True)
    bare = snapshot(ALERT._replace(annotations={}, generator_url=""), summary="")
    hostile = snapshot(
        ALERT._replace(annotations={"summary": "<script>x</script> & \r\nBcc: a@b.example", "impact": "é — 漢字"})
    )
    given = {
        "firing": (snapshot(), FIRING),
        "several": (many, FIRING),
        "resolved": (snapshot(**over), RESOLVED),
        "elsewhere": (snapshot(severity="low"), RESOLVED),
        "earlier": (snapshot(closed_at=OPENED - MINUTE), View(1, Shown.RESOLVED, 1)),
        "bare": (bare, FIRING),
        "hostile": (hostile, FIRING),
    }
    made = {name: build_message(about, step, DELIVERY, LOOK) for name, (about, step) in given.items()}
    return {**made, "digest": NOTE}


def rendered() -> dict[str, str]:
    """The golden files' texts by name: each mail's two parts."""
    templates, files = Templates(), {}
    for name, message in messages().items():
        kind = "email" if isinstance(message, Message) else "email_note"
        title = (
            message.title if isinstance(message, Note) else templates.render("email_subject.txt", "payments", message)
        )
        text, page = (templates.render(f"{kind}.{ending}", "payments", message) for ending in ("txt", "html"))
        files |= {f"{name}.txt": f"Subject: {title.strip()}\n\n{text}", f"{name}.html": page}
    return files


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, "utf-8")
