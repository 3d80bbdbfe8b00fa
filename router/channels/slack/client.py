"""Slack's official client, made so that one call is one request and each fault is one of ours."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from slack_sdk.web.async_client import AsyncWebClient

from router.channels.http_faults import ANSWER_BYTES, bad_answer, judge, judge_exception, retry_after
from router.channels.slack.faults import judge_code, words
from router.notifier import Rejected, Retry

if TYPE_CHECKING:
    import aiohttp

LONGEST_ANSWER = 16_000_000
"""Bytes. A page of 200 messages of 13,200 characters, with their metadata, is below it."""

JSON_METHODS = frozenset({"chat.postMessage", "chat.update"})
"""Slack's reading methods take forms."""

_SILENT = logging.getLogger(f"{__name__}.sdk")
# The SDK logs whole messages at DEBUG. A logger without a level also makes it format them for nobody.
_SILENT.setLevel(logging.WARNING)


class SlackFault(Exception):  # noqa: N818  (it carries an outcome, which needn't be an error of anybody)
    """A call failed. `code` is Slack's error code, empty when the answer wasn't Slack's."""

    def __init__(self, outcome: Retry | Rejected, code: str = "") -> None:
        super().__init__(code or outcome.reason)
        self.outcome = outcome
        self.code = code


class SlackClient(AsyncWebClient):
    """The SDK's client without its retries, its redirects, the environment's proxies and its taste for any answer."""

    def __init__(
        self,
        token: str,
        api_url: str,
        session: aiohttp.ClientSession,
        *,
        proxy: str,
        now: Callable[[], int],
        hide: Callable[[str | bytes], str],
    ) -> None:
        super().__init__(token=token, base_url=api_url, session=session, logger=_SILENT, retry_handlers=[])
        # The SDK takes a proxy from the environment when it is given none.
        self.proxy = proxy or None
        self._now = now
        self._hide = hide

    async def ask(self, method: str, given: Mapping[str, Any], timeout: float) -> Mapping[str, Any]:  # noqa: ASYNC109
        """Slack's answer, which has to be there within `timeout` seconds. Raises SlackFault.

        All is posted, what is only read as well: aiohttp sends a GET once more by itself when its connection breaks.
        """
        try:
            async with asyncio.timeout(timeout):
                if method in JSON_METHODS:
                    answer = await self.api_call(method, json=dict(given))
                else:
                    answer = await self.api_call(method, data={name: _field(value) for name, value in given.items()})
        except SlackFault:
            raise
        except Exception as error:  # noqa: BLE001  (judged by its name, whatever it is)
            raise SlackFault(judge_exception(error, hide=self._hide)) from None
        assert isinstance(answer.data, dict)  # _request raises when it isn't.
        return answer.data

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        assert self.session is not None
        method = api_url.rpartition("/")[2]
        async with self.session.request(http_verb, api_url, allow_redirects=False, **req_args) as answer:
            success = 200 <= answer.status < 300
            body = await _read(answer.content, LONGEST_ANSWER + 1 if success else ANSWER_BYTES)
            headers = answer.headers
        fault = judge(answer.status, headers, body, now=self._now(), hide=self._hide)
        if fault is not None:
            raise SlackFault(fault, _code(body))
        data = _decode(body)
        if data is None:
            raise SlackFault(bad_answer(answer.status, body, self._hide))
        if data["ok"] is not True:
            code = str(data.get("error", ""))
            after = retry_after(headers.get("Retry-After", ""), self._now())
            detail = self._hide(f"{method}: {code or 'no error code'} {words(data)}")
            raise SlackFault(judge_code(code, detail, after=after), code)
        return {"data": data, "headers": headers, "status_code": 200}


def _field(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    chunks = []
    while limit > 0 and (chunk := await content.read(limit)):
        chunks.append(chunk)
        limit -= len(chunk)
    return b"".join(chunks)


def _decode(body: bytes) -> dict[str, Any] | None:
    """The answer as a document; None when it isn't one of Slack's."""
    if len(body) > LONGEST_ANSWER:
        return None
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) and isinstance(data.get("ok"), bool) else None


def _code(body: bytes) -> str:
    data = _decode(body)
    return str(data.get("error", "")) if data else ""
