"""PagerDuty: Events API v2 by the official client.

An incident is one alert there: its id is the dedup_key, so that a trigger that is sent twice pages once and a resolve
finds its trigger. In routes.yml a team has `pagerduty: {routing_key: SECRET_NAME}`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import ssl
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from router.channels.http_faults import bad_answer, judge, judge_exception
from router.channels.pagerduty.event import DEDUP_CHARACTERS, check_url, incident_event, note_event, plain_event
from router.channels.redaction import redact
from router.messages.message import build_message, decode_note
from router.model import Destination, Shown
from router.notifier import Context, Delivered, Job, Outcome, Reason, Rejected, Retry, Traits

if TYPE_CHECKING:
    from router.channels.pagerduty.client import Attempt, Client

TRAITS = Traits(
    content="severity",
    # What is over wakes nobody.
    tells_the_past=False,
    repeats=True,
    folds=False,
    concurrency=4,
    # PagerDuty allows about 120 events a minute for each integration.
    per_minute=120,
)

ROUTING_KEY = re.compile(r"[0-9A-Za-z]{32}")
"""PagerDuty refuses all else: "should be 32 characters", "cannot contain non-alphanumeric characters"."""

ABOUT_THE_KEY = re.compile(r"routing[ _]?key", re.IGNORECASE)
"""In the errors of a 400: `Invalid routing key`, `Length of 'routing_key' is incorrect (should be 32 characters)`."""

SUMMARY_TEMPLATE = "pagerduty_summary.txt"
ENDING = 2.0
"""Seconds that threads get to end when the notifier is closed; their sockets are shut down by then."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PagerDuty's part of the settings. Times are seconds."""

    url: str = "https://events.pagerduty.com"
    """https://events.eu.pagerduty.com for accounts of the EU region."""
    timeout: float = 10.0
    """For a call as a whole; a shorter one of the dispatcher's holds."""
    connect_timeout: float = 5.0
    """For the connection alone."""
    threads: int = 16
    """Calls under way at once, for all routing keys together."""
    proxy: str = ""
    """An http proxy. Those of the environment are not used."""

    def __post_init__(self) -> None:
        """ValueError when a value can't work."""
        check_url(self.url)
        if not (0 < self.timeout <= 120 and 0 < self.connect_timeout <= 120 and 1 <= self.threads <= 256):
            raise ValueError("timeouts are above 0 and at most 120 seconds, threads are 1 to 256")


class _Call(NamedTuple):
    action: str
    dedup_key: str
    event: Mapping[str, Any]


def destinations(team: Mapping[str, object]) -> tuple[Destination, ...]:
    """`pagerduty: {routing_key: NAME}`."""
    told = team.get("pagerduty")
    if not isinstance(told, Mapping):
        return ()
    return (Destination("pagerduty", str(told["routing_key"]), ""),)


def build(context: Context) -> Notifier:
    """PagerDuty for all routing keys."""
    return Notifier(context)


def reference(routing_key: str) -> str:
    """A mark that tells routing keys apart in the ledger, so that a rotation is seen. No key can be got from it."""
    return hmac.new(b"alert-router routing key", routing_key.encode(), hashlib.sha256).hexdigest()[:8]


def about_the_key(answer: bytes) -> bool:
    """Whether PagerDuty's 400 is about the routing key: each message would meet it, so the destination is parked."""
    try:
        document = msgspec.json.decode(answer, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    errors = document.get("errors")
    told = errors if isinstance(errors, list) else [document.get("message", "")]
    return any(ABOUT_THE_KEY.search(str(error)) for error in told)


class Notifier:
    """Calls the client in threads: it is blocking, and PagerDuty's rate limit makes a thread's cost not matter."""

    def __init__(self, context: Context) -> None:
        assert isinstance(context.settings, Settings)
        self._context = context
        self._settings = context.settings
        self._threads = ThreadPoolExecutor(self._settings.threads, thread_name_prefix="pagerduty")
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._idle: dict[str, tuple[str, list[Client]]] = {}
        """Clients that nobody uses, by the secret's name, with the key that they are for."""
        self._running: dict[Future[str], Attempt] = {}
        self._closed = False

    async def send(self, job: Job) -> Outcome:
        key = (self._context.secret(job.destination.secret) or "").strip()
        if not key:
            return Rejected(Reason.MISCONFIGURED, "destination", f"the secret {job.destination.secret} isn't there")
        if not ROUTING_KEY.fullmatch(key):
            detail = f"{job.destination.secret} isn't a routing key of the Events API v2: 32 letters and digits"
            return Rejected(Reason.MISCONFIGURED, "destination", detail)
        try:
            call = self._call(job)
        except ValueError:
            return Rejected(Reason.BAD_MESSAGE, "message", "the note's payload can't be read")
        except Exception as error:  # noqa: BLE001  (whatever a message does to us, the others go on)
            return Retry(Reason.BUG, detail=redact(f"{type(error).__name__}: {error}", [key]))
        return await self._attempt(job, key, call)

    async def close(self) -> None:
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        running = dict(self._running)
        for attempt in running.values():
            attempt.abandon()
        await asyncio.to_thread(wait, running, ENDING)
        for name in list(self._idle):
            self._drop(name)

    def _call(self, job: Job) -> _Call:
        identity = job.delivery.incident_id[:DEDUP_CHARACTERS]
        if job.snapshot is not None and job.step.state is Shown.RESOLVED:
            return _Call("resolve", identity, {})
        look = self._context.look()
        client_url = look.external_url or self._context.external_url
        if job.snapshot is None:
            event = note_event(decode_note(job.delivery.payload), client_url=client_url)
        else:
            message = build_message(job.snapshot, job.step, job.delivery, look)
            source = dict(message.labels).get("instance") or message.service or job.snapshot.incident.cluster
            try:
                summary = self._context.templates.render(SUMMARY_TEMPLATE, job.delivery.team, message)
            except KeyError:
                summary = ""
            event = incident_event(message, source, summary=summary, client_url=client_url)
        return _Call("trigger", identity, plain_event(event) if job.delivery.plain else event)

    async def _attempt(self, job: Job, key: str, call: _Call) -> Outcome:
        from router.channels.pagerduty.client import Attempt

        if self._closed:
            return Retry(Reason.UNREACHABLE, detail="the router is stopping")
        attempt = Attempt()
        timeout = min(job.timeout, self._settings.timeout)
        future = self._threads.submit(self._in_thread, job.destination.secret, key, attempt, timeout, call)
        self._running[future] = attempt
        future.add_done_callback(lambda done: self._running.pop(done, None))
        waiting = asyncio.wrap_future(future)
        try:
            await asyncio.wait({waiting}, timeout=timeout)
        finally:
            # Also when this task is cancelled: what hasn't been sent by now never will be.
            if not future.done():
                attempt.abandon()
                waiting.cancel()
        if waiting.cancelled() or not waiting.done():
            reason = Reason.TIMEOUT if attempt.sent else Reason.UNREACHABLE
            return Retry(reason, maybe_shown=attempt.sent, detail=f"no answer within {timeout:g} s")
        return self._outcome(waiting, attempt, key, call)

    def _outcome(self, done: asyncio.Future[str], attempt: Attempt, key: str, call: _Call) -> Outcome:
        from pagerduty.errors import Error

        from router.channels.pagerduty.client import Answered

        def hide(text: str | bytes) -> str:
            return redact(text, [key])

        try:
            dedup_key = done.result()
        except Answered as answered:
            response = answered.response
            judged = judge(response.status_code, response.headers, response.content, now=self._context.now(), hide=hide)
            if isinstance(judged, Rejected) and judged.scope == "message" and about_the_key(response.content):
                return Rejected(Reason.BAD_CREDENTIALS, "destination", judged.detail)
            return judged or bad_answer(response.status_code, response.content, hide)
        except Error as error:
            if error.response is not None:
                # A success without what PagerDuty always says.
                return bad_answer(error.response.status_code, error.response.content, hide)
            return judge_exception(error.__cause__ or error, sent=attempt.sent, hide=hide)
        except Exception as error:  # noqa: BLE001  (a notifier raises nothing)
            return judge_exception(error, sent=attempt.sent, hide=hide)
        if dedup_key != call.dedup_key:
            return bad_answer(202, f"it took the event for {dedup_key}", hide)
        return Delivered({"key": reference(key)}, provider_id=dedup_key)

    # In a thread of the pool

    def _in_thread(self, name: str, key: str, attempt: Attempt, timeout: float, call: _Call) -> str:
        import httpx2

        client = self._take(name, key)
        kept = False
        try:
            timeouts = httpx2.Timeout(timeout, connect=min(timeout, self._settings.connect_timeout))
            answer = client.attempt(attempt, timeouts, call.action, call.dedup_key, call.event)
            kept = self._give_back(name, key, client)
            return answer
        finally:
            # After a fault the connection may be in any state; the next attempt makes a new one.
            if not kept:
                client.close()

    def _take(self, name: str, key: str) -> Client:
        """A client for the key. When the secret has changed, those of the old key are closed."""
        from router.channels.pagerduty.client import Client

        if self._idle.get(name, (key,))[0] != key:
            self._drop(name)
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
            known, clients = self._idle.get(name, ("", []))
            if known == key and clients:
                return clients.pop()
        return Client(key, self._settings.url, self._tls, self._settings.proxy)

    def _give_back(self, name: str, key: str, client: Client) -> bool:
        with self._lock:
            known, clients = self._idle.setdefault(name, (key, []))
            if known != key or self._closed or len(clients) >= TRAITS.concurrency:
                return False
            clients.append(client)
            return True

    def _drop(self, name: str) -> None:
        with self._lock:
            _, clients = self._idle.pop(name, ("", []))
        for client in clients:
            client.close()
