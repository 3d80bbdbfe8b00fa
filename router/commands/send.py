"""`alert-router send`: a test alert through the real path, followed to where it arrives."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from router.commands import probe, words
from router.commands.console import CommandError, Progress, complain, say, say_json
from router.commands.preview import known_only
from router.commands.setup import Setup, opened_store, routes, setup
from router.config.durations import parse_duration
from router.messages.text import one_line
from router.model import SECOND, Micros, Shown
from router.routing import resolve

if TYPE_CHECKING:
    import argparse

    from router.routes import Routes
    from router.store import Store

_FIRST_LOOK = 0.02
_LONGEST_WAIT = 0.25
"""Seconds between looks at the store: often at first, and then rarely enough not to be in the router's way."""

_CALL_TIMEOUT = 10.0
"""Seconds. The router answers within one."""


class Path(NamedTuple):
    """What it takes to post and to look."""

    url: str
    header: str
    """Of the credential."""
    store: Store
    timeout: float
    """Seconds, for each of the two halves."""


class Half(NamedTuple):
    """The firing, or the resolve."""

    state: Shown
    acknowledged: Micros
    """How long the router took to answer the webhook."""
    answers: tuple[probe.Answer, ...]
    problem: str
    """Why there are no answers; empty when there are."""

    @property
    def good(self) -> bool:
        """Whether each destination did as it should."""
        return not self.problem and all(answer.good for answer in self.answers)


def run(arguments: argparse.Namespace) -> int:
    """Sends it and reports. Exit code 1 when a destination did not accept it."""
    timeout = parse_duration(arguments.timeout)
    if not timeout:
        raise CommandError(f"--timeout takes a time such as 60s, and not {arguments.timeout!r:.40}", 2)
    given = setup(arguments)
    known = routes(given.settings)
    base = probe.address(given, arguments.url)
    with opened_store(given) as store:
        test = _new(arguments, known, store) if arguments.resolve is None else _known(store, arguments.resolve)
        header = probe.authorization(given, test.cluster)
        path = Path(f"{base}/webhook/{test.cluster}", header, store, timeout / SECOND)
        halves = _both(test, path, arguments)
    if arguments.format == "json":
        say_json(_document(test, path, halves, given))
    if any(half.problem for half in halves):
        _explain_silence(path, given)
    return 0 if all(half.good for half in halves) else 1


def _new(arguments: argparse.Namespace, known: Routes, store: Store) -> probe.Probe:
    known_only("team", arguments.team, known.teams)
    cluster = arguments.cluster or next(iter(known.clusters), "")
    if not cluster:
        raise CommandError("the routes name no cluster: name one with --cluster", 2)
    known_only("cluster", cluster, known.clusters)
    test = probe.new_probe(
        known,
        cluster=cluster,
        severity=arguments.severity,
        team=arguments.team or known.default_team,
        alertname=arguments.alertname,
        now=_now(),
    )
    meant = resolve(test.labels, known)
    if meant.severity is None:
        raise CommandError(f"severity {arguments.severity!r:.60} is recorded only: there would be nothing to follow", 2)
    if meant.unknown_severity:
        complain(f"alert-router: severity {arguments.severity!r:.60} is unknown, and counts as critical")
    with store.begin() as tx:
        incident = tx.incidents([test.incident_id]).get(test.incident_id)
    if incident is not None and incident.open:
        # What it shows already would look like an answer to this test.
        raise CommandError(f"the incident {test.incident_id} of these labels is open already: use another --alertname")
    return test


def _known(store: Store, fingerprint: str) -> probe.Probe:
    with store.begin() as tx:
        states = tx.find_alerts(fingerprint)
    if not states:
        raise CommandError(f"there is no alert {one_line(fingerprint, 40)}")
    return probe.known_probe(states[0])


def _both(test: probe.Probe, path: Path, arguments: argparse.Namespace) -> list[Half]:
    text = arguments.format == "text"
    if text:
        say(f"{test.labels['alertname']} ({test.fingerprint}) to {path.url}")
    if arguments.resolve is not None:
        return [_half(test, path, Shown.RESOLVED, show=text)]
    try:
        halves = [_half(test, path, Shown.FIRING, show=text)]
    except (KeyboardInterrupt, probe.UnavailableError):
        # The router may have taken it all the same, and a test must not go on paging.
        with contextlib.suppress(CommandError):
            probe.post(path.url, probe.webhook(test, _now()), path.header, _CALL_TIMEOUT)
        raise
    if arguments.keep_firing:
        if text:
            say(f"It goes on firing. To resolve it: alert-router send --resolve {test.fingerprint}")
        return halves
    return [*halves, _half(test, path, Shown.RESOLVED, show=text)]


def _half(test: probe.Probe, path: Path, state: Shown, *, show: bool) -> Half:
    progress = Progress()
    deadline = time.monotonic() + path.timeout
    try:
        body = probe.webhook(test, 0 if state is Shown.FIRING else _now())
        acknowledged = _post(path, body, deadline, progress)
        half = _follow(test.incident_id, path, Half(state, acknowledged, (), ""), deadline, progress)
    finally:
        progress.clear()
    if show:
        _show(half)
    return half


def _post(path: Path, body: bytes, deadline: float, progress: Progress) -> Micros:
    """Post it as Alertmanager does: again and again while the router says that it should come again."""
    while True:
        started = time.monotonic()
        progress.show(f"posting to {path.url}")
        try:
            probe.post(path.url, body, path.header, min(_CALL_TIMEOUT, max(deadline - started, 1.0)))
        except probe.UnavailableError as error:
            refused = isinstance(getattr(error.__cause__, "reason", None), ConnectionRefusedError)
            if refused or time.monotonic() + 0.5 > deadline:
                raise
            time.sleep(0.5)
        else:
            return int((time.monotonic() - started) * SECOND)


def _follow(known: str, path: Path, half: Half, deadline: float, progress: Progress) -> Half:
    """Look into the store until each destination has answered, or until the time is over."""
    started, wait = time.monotonic(), _FIRST_LOOK
    while True:
        seen = probe.look(path.store, known, half.state, _now())
        if seen.incident is not None and all(answer.final for answer in seen.answers):
            break
        if time.monotonic() + wait > deadline:
            break
        waiting = [answer.destination for answer in seen.answers if not answer.final]
        progress.show(f"{time.monotonic() - started:.0f} s: waiting for {', '.join(waiting) or 'the router'}"[:120])
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)
    problem = ""
    if seen.incident is None:
        problem = "the router took the webhook, but in the store the incident is not "
        problem += "open" if half.state is Shown.FIRING else "over"
    elif not seen.answers:
        problem = "the router opened an incident that nobody is told of"
    return half._replace(answers=seen.answers, problem=problem)


def _show(half: Half) -> None:
    say(f"{half.state.value}: taken by the router in {words.took(half.acknowledged)}")
    for answer in half.answers:
        latency = f" after {words.took(answer.latency)}" if answer.latency is not None else ""
        provider = f" ({one_line(answer.provider_id, 120)})" if answer.provider_id else ""
        detail = f": {one_line(answer.words, 300)}" if answer.words else ""
        via = f" [{answer.via}]" if answer.via != "route" else ""
        say(f"  {answer.destination}{via} {answer.outcome}{latency}{provider}{detail}")
    if half.problem:
        say(f"  {half.problem}")


def _explain_silence(path: Path, given: Setup) -> None:
    store = given.settings.to_public()["store"]["url"]
    complain(f"alert-router: does the router at {path.url} work on the store {store}, and by the same routes?")


def _document(test: probe.Probe, path: Path, halves: list[Half], given: Setup) -> dict[str, Any]:
    return {
        "ok": all(half.good for half in halves),
        "url": path.url,
        "store": given.settings.to_public()["store"]["url"],
        "fingerprint": test.fingerprint,
        "incident": test.incident_id,
        "labels": dict(test.labels),
        "steps": [
            {
                "state": half.state.value,
                "acknowledged_seconds": half.acknowledged / SECOND,
                "problem": half.problem,
                "destinations": [
                    {
                        "destination": answer.destination,
                        "via": answer.via,
                        "outcome": answer.outcome,
                        "provider_id": answer.provider_id,
                        "latency_seconds": None if answer.latency is None else answer.latency / SECOND,
                        "words": answer.words,
                    }
                    for answer in half.answers
                ],
            }
            for half in halves
        ],
    }


def _now() -> Micros:
    return time.time_ns() // 1000
