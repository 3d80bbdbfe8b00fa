"""Slack's Web API, as far as the router uses it and as strict as there is any account of Slack being. Also
`python -m slack_stub`.

Messages are kept by channel, with their threads, edits and metadata. Beside http_stub's paths it has

    POST /_control   {"delete": {"channel": "#x", "ts": "1.2"}, "archive": "#x", "unarchive": "#x", "remove": "#x",
                      "revoke": "xoxb-1", "scopes": ["chat:write"], "leave": "#x", "per_minute": 50,
                      "codes": [{"code": "fatal_error", "times": 2, "method": "chat.update", "acts": true}]}

each key optional: people delete a message, archive or remove a channel, revoke a token; the bot loses scopes or
leaves a channel; and the next calls, of that method or of any, are answered with `"ok": false` and a code, after doing
what they were asked when the code `acts`. `/_state` tells all messages, and how many were posted for each episode.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from http_stub import Answer, HttpStub, Request, serve_process
from slack_limits import problem

Message = dict[str, Any]

SCOPES = frozenset({"chat:write", "channels:history", "groups:history", "channels:read", "groups:read"})
BOT = "U0TOCSIN0"
NEEDED = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "users.conversations": "channels:read",
}
MENTION = re.compile(r"<(?:!(?!date\^)[^>]*|@[^>]*|#[^>]*)>")
"""`<!date^…>` mentions nobody."""
BARE_MENTION = re.compile(r"(?<![\w.])@(?:here|channel|everyone)\b")
LINK = re.compile(r"<(https?://[^|>]+)(?:\|[^>]*)?>")
BROKEN_ESCAPE = re.compile(r"&(?!amp;|lt;|gt;)")


class Code(NamedTuple):
    """An `"ok": false` to come."""

    code: str
    method: str = ""
    """Empty: of any call."""
    acts: bool = False
    extra: Mapping[str, Any] = {}


class Channel:
    """A channel and the messages that were posted to it, the oldest first; replies are among them."""

    def __init__(self, identity: str, name: str) -> None:
        self.id = identity
        self.name = name
        self.archived = False
        self.member = True
        self.messages: list[Message] = []

    def find(self, ts: object) -> Message | None:
        return next((message for message in self.messages if message["ts"] == ts), None)


class SlackStub(HttpStub):
    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__(host, port)
        self.clock: Callable[[], float] = time.time
        """Seconds, for the messages' ids."""
        self.tokens: set[str] | None = None
        """Those that are valid; None: any that begins with xoxb-."""
        self.revoked: dict[str, str] = {}
        """Token to the code that it gets."""
        self.scopes = set(SCOPES)
        self.channels: dict[str, Channel] = {}
        """By id."""
        self.strict_channels = False
        """Whether a channel has to be made by `channel` first; else every name exists."""
        self.per_minute = 0
        """Messages a minute and channel before 429; 0: no limit."""
        self.codes: deque[Code] = deque()
        self.gone: set[str] = set()
        """Names of channels that were removed."""
        self._serial = 0
        self._recent: dict[str, deque[float]] = {}

    # For tests in the same process

    def channel(self, name: str) -> Channel:
        """The channel of that name, made when there is none."""
        bare = name.removeprefix("#")
        found = next((one for one in self.channels.values() if bare in (one.name, one.id)), None)
        if found is None:
            found = Channel(f"C{len(self.channels) + 1:08d}", bare)
            self.channels[found.id] = found
        return found

    def fail(self, code: str, *, method: str = "", times: int = 1, acts: bool = False, **extra: Any) -> None:
        """Answer the next calls with that code."""
        self.codes.extend(Code(code, method, acts, extra) for _ in range(times))

    def messages(self, name: str) -> list[Message]:
        """The messages of a channel that aren't replies, the oldest first."""
        return [message for message in self.channel(name).messages if "thread_ts" not in message]

    def thread(self, name: str, ts: str) -> list[Message]:
        """The replies to a message, the oldest first."""
        return [message for message in self.channel(name).messages if message.get("thread_ts") == ts]

    def pings(self) -> list[str]:
        """Whatever in any version of any message would have called somebody."""
        return [ping for message in self._versions() for ping in pings(message)]

    def flaws(self) -> list[str]:
        """Escapes that were cut or forgotten, in any version of any message."""
        return [flaw for message in self._versions() for flaw in flaws(message)]

    def methods(self) -> list[str]:
        """The methods that were called, the oldest first."""
        return [urlsplit(request.path).path.rpartition("/")[2] for request in self.requests()]

    def state(self) -> object:
        posts = Counter(
            f"{payload['incident']}/{payload['episode']}"
            for channel in self.channels.values()
            for message in channel.messages
            if (payload := message.get("metadata", {}).get("event_payload", {})).get("part") == "message"
        )
        return {
            "channels": [
                {"id": channel.id, "name": channel.name, "archived": channel.archived, "messages": channel.messages}
                for channel in self.channels.values()
            ],
            "posts": posts,
            "pings": self.pings(),
            "flaws": self.flaws(),
            "attempts": self.attempts,
        }

    def reset(self) -> None:
        super().reset()
        for channel in self.channels.values():
            channel.messages.clear()

    def _versions(self) -> Iterator[Message]:
        for channel in self.channels.values():
            for message in channel.messages:
                yield message
                yield from message["versions"]

    # The API

    def refusal(self, status: int) -> bytes:
        codes = {400: "invalid_arguments", 401: "invalid_auth", 403: "no_permission", 404: "unknown_method"}
        codes |= {408: "request_timeout", 413: "msg_too_long", 429: "ratelimited", 503: "service_unavailable"}
        return json.dumps({"ok": False, "error": codes.get(status, "internal_error")}).encode()

    def answer(self, request: Request) -> Answer:
        method = urlsplit(request.path).path.removeprefix("/api/")
        given = _arguments(request)
        if given is None:
            return _no("invalid_json")
        code = self._scripted(method)
        if code and not code.acts:
            return _no(code.code, **code.extra)
        answer = self._answer(method, request, given)
        return _no(code.code, **code.extra) if code else answer

    def _scripted(self, method: str) -> Code | None:
        for code in self.codes:
            if code.method in ("", method):
                self.codes.remove(code)
                return code
        return None

    def _answer(self, method: str, request: Request, given: Mapping[str, Any]) -> Answer:
        refused = self._token_refused(request)
        if refused:
            return _no(refused)
        needed = NEEDED.get(method)
        if needed and needed not in self.scopes:
            return _no("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))
        methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "users.conversations": self._conversations,
            "auth.test": lambda _: _yes(url="https://example.slack.com/", team="Example", user_id=BOT),
        }
        if method not in methods:
            return _no("unknown_method", req_method=method)
        return methods[method](given)

    def _token_refused(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            return "not_authed"
        if token in self.revoked:
            return self.revoked[token]
        known = token.startswith("xoxb-") if self.tokens is None else token in self.tokens
        return "" if known else "invalid_auth"

    def _open(self, name: object, *, by_id: bool) -> Channel | str:
        """The channel, or the code that says why it can't be used."""
        if not isinstance(name, str) or not name:
            return "channel_not_found"
        channel = self.channels.get(name)
        if channel is None and not by_id and name.startswith("#"):
            channel = next((one for one in self.channels.values() if one.name == name[1:]), None)
            if channel is None and not self.strict_channels and name[1:] not in self.gone:
                channel = self.channel(name)
        if channel is None:
            return "channel_not_found"
        return channel

    def _writable(self, given: Mapping[str, Any], *, by_id: bool) -> Channel | str:
        channel = self._open(given.get("channel"), by_id=by_id)
        if isinstance(channel, str):
            return channel
        if not channel.member:
            return "not_in_channel"
        return "is_archived" if channel.archived else channel

    def _post(self, given: Mapping[str, Any]) -> Answer:
        channel = self._writable(given, by_id=False)
        if isinstance(channel, str):
            return _no(channel)
        if self._limited(channel.id):
            limited = _no("ratelimited")
            return limited._replace(status=429, headers=(("Retry-After", "1"),))
        wrong = problem(given)
        if wrong:
            return _no(wrong[0], response_metadata={"messages": [f"[ERROR] {wrong[1]}"]})
        thread = given.get("thread_ts")
        if thread is not None and channel.find(thread) is None:
            return _no("thread_not_found")
        message = {"type": "message", "user": BOT, "ts": self._ts(), "versions": []} | _shown(given)
        if thread is not None:
            message["thread_ts"] = thread
        channel.messages.append(message)
        return _yes(channel=channel.id, ts=message["ts"], message=_told(message, with_metadata=True))

    def _update(self, given: Mapping[str, Any]) -> Answer:
        channel = self._writable(given, by_id=True)
        if isinstance(channel, str):
            return _no("is_inactive" if channel == "is_archived" else channel)
        message = channel.find(given.get("ts"))
        if message is None:
            return _no("message_not_found")
        wrong = problem(given)
        if wrong:
            return _no(wrong[0], response_metadata={"messages": [f"[ERROR] {wrong[1]}"]})
        before = {key: message.pop(key) for key in ("text", "blocks", "attachments", "options") if key in message}
        message["versions"].append(before)
        # Attachments and metadata that aren't given stay; blocks go when only a text is given.
        kept = {"attachments": before["attachments"]} if "attachments" in before else {}
        message |= kept | _shown(given)
        message["edited"] = {"user": BOT, "ts": self._ts()}
        return _yes(channel=channel.id, ts=message["ts"], text=message.get("text", ""))

    def _history(self, given: Mapping[str, Any]) -> Answer:
        channel = self._readable(given)
        if isinstance(channel, str):
            return _no(channel)
        newest_first = [message for message in reversed(channel.messages) if "thread_ts" not in message]
        return self._page(newest_first, given)

    def _replies(self, given: Mapping[str, Any]) -> Answer:
        channel = self._readable(given)
        if isinstance(channel, str):
            return _no(channel)
        parent = channel.find(given.get("ts"))
        if parent is None:
            return _no("thread_not_found")
        return self._page(self.thread(channel.id, parent["ts"]), given, first=parent)

    def _readable(self, given: Mapping[str, Any]) -> Channel | str:
        channel = self._open(given.get("channel"), by_id=True)
        if isinstance(channel, Channel) and not channel.member:
            return "not_in_channel"
        return channel

    def _page(self, messages: list[Message], given: Mapping[str, Any], first: Message | None = None) -> Answer:
        oldest, place = float(given.get("oldest") or 0), _place(given)
        limit = int(given.get("limit", 100))
        if place is None:
            return _no("invalid_cursor")
        if not 1 <= limit <= 999:
            return _no("invalid_limit")
        listed = [message for message in messages if float(message["ts"]) > oldest]
        page = listed[place : place + limit]
        told = [_told(message, with_metadata=_true(given.get("include_all_metadata"))) for message in page]
        if first is not None:
            told.insert(0, _told(first, with_metadata=_true(given.get("include_all_metadata"))))
        more = place + limit < len(listed)
        cursor = f"next:{place + limit}" if more else ""
        return _yes(messages=told, has_more=more, response_metadata={"next_cursor": cursor})

    def _conversations(self, given: Mapping[str, Any]) -> Answer:
        place, limit = _place(given), int(given.get("limit", 100))
        if place is None:
            return _no("invalid_cursor")
        listed = [channel for channel in self.channels.values() if channel.member and not channel.archived]
        page = [{"id": channel.id, "name": channel.name} for channel in listed[place : place + limit]]
        cursor = f"next:{place + limit}" if place + limit < len(listed) else ""
        return _yes(channels=page, response_metadata={"next_cursor": cursor})

    def _ts(self) -> str:
        self._serial += 1
        return f"{int(self.clock())}.{self._serial:06d}"

    def _limited(self, channel: str) -> bool:
        if not self.per_minute:
            return False
        recent, now = self._recent.setdefault(channel, deque()), time.monotonic()
        while recent and recent[0] < now - 60:
            recent.popleft()
        if len(recent) >= self.per_minute:
            return True
        recent.append(now)
        return False

    # What people do meanwhile

    def control(self, wish: Mapping[str, Any]) -> None:
        """See the module's description."""
        for name in ("archive", "unarchive"):
            if name in wish:
                self.channel(wish[name]).archived = name == "archive"
        if "leave" in wish:
            self.channel(wish["leave"]).member = False
        if "remove" in wish:
            gone = self.channel(wish["remove"])
            self.gone.add(gone.name)
            del self.channels[gone.id]
        if "delete" in wish:
            channel = self.channel(wish["delete"]["channel"])
            channel.messages = [one for one in channel.messages if one["ts"] != wish["delete"]["ts"]]
        if "revoke" in wish:
            self.revoked[wish["revoke"]] = wish.get("code", "token_revoked")
        if "scopes" in wish:
            self.scopes = set(wish["scopes"])
        self.per_minute = int(wish.get("per_minute", self.per_minute))
        for entry in wish.get("codes", ()):
            options = {name: entry[name] for name in ("method", "times", "acts") if name in entry}
            self.fail(entry["code"], **options)

    def _control(self, request: Request) -> Answer:
        if request.path == "/_control" and request.method == "POST":
            self.control(json.loads(request.body))
            return _yes()
        return super()._control(request)


def pings(message: Mapping[str, Any]) -> list[str]:
    """What in a message calls somebody: mentions that aren't escaped, and bare ones where Slack looks for them."""
    options = message.get("options", {})
    found = [mention for text, _ in texts(message) for mention in MENTION.findall(text)]
    loose = options.get("parse") != "none" or _true(options.get("link_names"))
    for text, parsed in texts(message):
        if parsed or (loose and text == message.get("text")):
            found += BARE_MENTION.findall(text)
    return found


def flaws(message: Mapping[str, Any]) -> list[str]:
    """Texts with an escape that was cut or forgotten, or with control characters."""
    return [
        text
        for text, _ in texts(message)
        if BROKEN_ESCAPE.search(text) or re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", text)
    ]


def links(message: Mapping[str, Any]) -> list[str]:
    """The addresses that a message's text leads to, and those of its buttons."""
    found = [address for text, _ in texts(message) for address in LINK.findall(text)]
    return found + [
        node["url"] for node in _nodes([message.get("blocks"), message.get("attachments")]) if "url" in node
    ]


def texts(message: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Each text of a message, and whether Slack looks for names in it."""
    yield message.get("text", ""), False
    for node in _nodes([message.get("blocks", []), message.get("attachments", [])]):
        if isinstance(node.get("text"), str):
            yield node["text"], node.get("type") == "mrkdwn" and node.get("verbatim") is not True
        if isinstance(node.get("fallback"), str):
            yield node["fallback"], False


def _nodes(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _nodes(inner)


def _shown(given: Mapping[str, Any]) -> Message:
    shown = {name: given[name] for name in ("text", "blocks", "attachments", "metadata") if name in given}
    options = ("parse", "link_names", "unfurl_links", "unfurl_media")
    return shown | {"options": {name: given[name] for name in options if name in given}}


def _told(message: Message, *, with_metadata: bool) -> Message:
    hidden = {"options", "versions"} | (set() if with_metadata else {"metadata"})
    return {name: value for name, value in message.items() if name not in hidden}


def _place(given: Mapping[str, Any]) -> int | None:
    cursor = given.get("cursor") or "next:0"
    return int(cursor[5:]) if re.fullmatch("next:[0-9]+", str(cursor)) else None


def _true(value: object) -> bool:
    return value in (True, "1", "true", "True")


def _arguments(request: Request) -> dict[str, Any] | None:
    """What was given: in the query, as a form, or as JSON; lists within a form are JSON."""
    given: dict[str, Any] = dict(parse_qsl(urlsplit(request.path).query))
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        try:
            document = json.loads(request.body or b"{}")
        except ValueError:
            return None
        return given | document if isinstance(document, dict) else None
    given |= dict(parse_qsl(request.body.decode("utf-8", "replace")))
    for name in ("blocks", "attachments", "metadata"):
        if name in given:
            given[name] = json.loads(given[name])
    return given


def _yes(**fields: Any) -> Answer:
    return Answer(200, json.dumps({"ok": True, **fields}).encode())


def _no(code: str, **fields: Any) -> Answer:
    return Answer(200, json.dumps({"ok": False, "error": code, **fields}).encode())


if __name__ == "__main__":
    serve_process(SlackStub)
