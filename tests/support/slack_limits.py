"""What Slack refuses in a message: Block Kit's types and limits (docs.slack.dev), and sizes that people measured."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

BLOCKS = 50
ATTACHMENTS = 100
TEXT = 40_000
ADVISED_TEXT = 4_000
"""Slack takes more, and advises against it; the router has to keep to it."""
ALL_BLOCKS = 13_200
METADATA = 8_000

ARGUMENTS = {
    "channel", "text", "blocks", "attachments", "metadata", "thread_ts", "ts", "parse", "link_names",
    "unfurl_links", "unfurl_media", "mrkdwn", "reply_broadcast",
}  # fmt: skip


class Invalid(Exception):  # noqa: N818
    """Why a message is refused: Slack's code and an explanation."""


def problem(given: Mapping[str, Any]) -> tuple[str, str] | None:
    """Slack's code and an explanation of what is wrong with the arguments of a message; None when nothing is."""
    try:
        _message(given)
    except Invalid as invalid:
        return invalid.args[0], invalid.args[1]
    return None


def size(text: str) -> int:
    """In UTF-16 code units, the strictest way to count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _message(given: Mapping[str, Any]) -> None:
    unknown = set(given) - ARGUMENTS
    _demand(not unknown, "invalid_arguments", f"unknown arguments {sorted(unknown)}")
    blocks, attachments = given.get("blocks", []), given.get("attachments", [])
    text = given.get("text", "")
    _demand(isinstance(text, str), "invalid_arguments", "text must be a string")
    _demand(bool(text.strip() or blocks or attachments), "no_text", "no text")
    _demand(size(text) <= ADVISED_TEXT, "msg_too_long", f"text of {size(text)}")
    _demand(isinstance(blocks, list), "invalid_blocks_format", "blocks must be a list")
    _demand(isinstance(attachments, list), "invalid_attachments", "attachments must be a list")
    _demand(len(attachments) <= ATTACHMENTS, "too_many_attachments", "too many attachments")
    inner = [_attachment(attachment) for attachment in attachments]
    every = [*blocks, *(block for blocks in inner for block in blocks)]
    _demand(len(every) <= BLOCKS, "invalid_blocks", f"no more than {BLOCKS} items allowed")
    for block in every:
        _block(block)
    total = size(json.dumps([blocks, attachments], ensure_ascii=False))
    _demand(total <= ALL_BLOCKS, "msg_blocks_too_long", f"blocks of {total}")
    _metadata(given.get("metadata"))


def _attachment(attachment: object) -> list[Any]:
    _demand(isinstance(attachment, dict), "invalid_attachments", "an attachment must be an object")
    assert isinstance(attachment, dict)
    _demand(set(attachment) <= {"color", "fallback", "blocks", "text"}, "invalid_attachments", "unknown field")
    colour = attachment.get("color", "#000000")
    _demand(re.fullmatch("#[0-9a-f]{6}|good|warning|danger", colour) is not None, "invalid_attachments", "color")
    blocks = attachment.get("blocks", [])
    _demand(isinstance(blocks, list), "invalid_attachments", "blocks must be a list")
    return blocks


def _block(block: Any) -> None:
    _demand(isinstance(block, dict), "invalid_blocks", "a block must be an object")
    checks: dict[str, Callable[[Mapping[str, Any]], None]] = {
        "header": _header,
        "section": _section,
        "actions": _actions,
        "context": _context,
        "divider": lambda block: _only(block, "type", "block_id"),
    }
    check = checks.get(block.get("type"))
    _demand(check is not None, "invalid_blocks", f"unsupported type: {block.get('type')}")
    assert check
    check(block)


def _header(block: Mapping[str, Any]) -> None:
    _only(block, "type", "text", "block_id")
    _text(block.get("text"), 150, "plain_text")


def _section(block: Mapping[str, Any]) -> None:
    _only(block, "type", "text", "fields", "block_id")
    _demand("text" in block or "fields" in block, "invalid_blocks", "a section needs text or fields")
    if "text" in block:
        _text(block["text"], 3_000)
    for field in _list(block, "fields", 10) if "fields" in block else ():
        _text(field, 2_000)


def _actions(block: Mapping[str, Any]) -> None:
    _only(block, "type", "elements", "block_id")
    seen = set()
    for element in _list(block, "elements", 25):
        _only(element, "type", "text", "url", "action_id", "value", "style", "accessibility_label")
        _demand(element.get("type") == "button", "invalid_blocks", "an unsupported element")
        _text(element.get("text"), 75, "plain_text")
        url, action = element.get("url", "https://x"), element.get("action_id", "")
        _demand(re.fullmatch(r"https?://[^\s<>|]+", url) is not None, "invalid_blocks", f"invalid url {url[:80]}")
        _demand(size(url) <= 3_000, "invalid_blocks", "a url of more than 3000 characters")
        _demand(size(action) <= 255 and action not in seen, "invalid_blocks", f"action_id {action[:80]}")
        seen.add(action)


def _context(block: Mapping[str, Any]) -> None:
    _only(block, "type", "elements", "block_id")
    for element in _list(block, "elements", 10):
        _text(element, 2_000)


def _text(text: Any, limit: int, kind: str = "") -> None:
    _demand(isinstance(text, dict), "invalid_blocks", "a text object is missing")
    _demand(text.get("type") in {"plain_text", "mrkdwn"}, "invalid_blocks", "the type of a text object")
    _demand(not kind or text["type"] == kind, "invalid_blocks", f"must be {kind}")
    _only(text, "type", "text", "emoji" if text["type"] == "plain_text" else "verbatim")
    _demand(isinstance(text.get("text"), str), "invalid_blocks", "text must be a string")
    _demand(size(text["text"]) > 0, "invalid_blocks", "must be more than 0 characters")
    _demand(size(text["text"]) <= limit, "invalid_blocks", f"must be less than {limit + 1} characters")


def _metadata(metadata: Any) -> None:
    if metadata is None:
        return
    _demand(
        isinstance(metadata, dict)
        and set(metadata) == {"event_type", "event_payload"}
        and isinstance(metadata["event_type"], str)
        and isinstance(metadata["event_payload"], dict)
        and all(isinstance(value, str | int | bool) for value in metadata["event_payload"].values()),
        "invalid_metadata_format",
        "metadata has an event_type and a flat event_payload",
    )
    _demand(len(json.dumps(metadata)) <= METADATA, "metadata_too_large", "metadata")


def _list(block: Mapping[str, Any], name: str, most: int) -> Iterator[Any]:
    entries = block.get(name)
    _demand(isinstance(entries, list) and 0 < len(entries) <= most, "invalid_blocks", f"{name}: 1 to {most} items")
    assert isinstance(entries, list)
    yield from entries


def _only(node: Mapping[str, Any], *names: str) -> None:
    _demand(isinstance(node, dict), "invalid_blocks", "an object is missing")
    _demand(set(node) <= set(names), "invalid_blocks", f"invalid additional property in {sorted(node)}")


def _demand(holds: object, code: str, explanation: str) -> None:
    if not holds:
        raise Invalid(code, explanation)
