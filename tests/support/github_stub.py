"""GitHub's REST API, as far as a comment on a pull request needs it.

After https://docs.github.com/en/rest/issues/comments and .../pulls: bearer tokens, pages of at most 100 with a `Link`
header, 201 for what was created, 403 for a comment that isn't one's own, 422 for a body that is too long.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "secret-token"
LONGEST_BODY = 65_536


class GitHub:
    """The state of one repository, and what was asked of it. `failures` are statuses to answer with first."""

    def __init__(self) -> None:
        self.login = "github-actions[bot]"
        self.pulls: list[dict[str, Any]] = []
        self.comments: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.failures: list[int] = []
        self.url = ""

    def pull(self, number: int, *, sha: str = "abc", head: str = "me:work", state: str = "open") -> None:
        """A pull request from `owner:branch`."""
        self.pulls.append({"number": number, "state": state, "head": {"sha": sha, "label": head}})

    def comment(self, body: str, login: str, issue: int = 7) -> int:
        """A comment that is there already."""
        number = 1000 + len(self.comments)
        self.comments[number] = {"id": number, "issue": issue, "body": body, "user": {"login": login}}
        return number

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, body and headers."""
        if self.failures:
            return self.failures.pop(0), {"message": "Something went wrong"}, {}
        if method == "GET" and path == "/repos/o/r/pulls":
            return self._page([pull for pull in self.pulls if self._is_asked_for(pull, query)], path, query)
        found = re.fullmatch(r"/repos/o/r/issues/(\d+)/comments", path)
        if found and any(pull["number"] == int(found[1]) for pull in self.pulls):
            if method == "GET":
                comments = [one for one in self.comments.values() if one["issue"] == int(found[1])]
                return self._page(comments, path, query)
            if method == "POST":
                return self._written(
                    lambda text: self.comments[self.comment(text, self.login, int(found[1]))], body, 201
                )
        found = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", path)
        if found and method == "PATCH" and int(found[1]) in self.comments:
            comment = self.comments[int(found[1])]
            if comment["user"]["login"] != self.login:
                return 403, {"message": "Must have admin rights to Repository."}, {}
            return self._written(lambda text: {**comment, **(comment.update(body=text) or {})}, body, 200)
        return 404, {"message": "Not Found"}, {}

    @staticmethod
    def _is_asked_for(pull: dict[str, Any], query: dict[str, list[str]]) -> bool:
        state, head = query.get("state", ["open"])[0], query.get("head", [""])[0]
        return state in ("all", pull["state"]) and head in ("", pull["head"]["label"])

    @staticmethod
    def _written(write: Any, body: Any, status: int) -> tuple[int, Any, dict[str, str]]:
        if not isinstance(body, dict) or not isinstance(body.get("body"), str) or not body["body"].strip():
            return 422, {"message": "Validation Failed"}, {}
        if len(body["body"]) > LONGEST_BODY:
            return 422, {"message": f"body is too long (maximum is {LONGEST_BODY} characters)"}, {}
        return status, write(body["body"]), {}

    def _page(self, items: list[Any], path: str, query: dict[str, list[str]]) -> tuple[int, Any, dict[str, str]]:
        size = min(int(query.get("per_page", ["30"])[0]), 100)
        page = int(query.get("page", ["1"])[0])
        start = (page - 1) * size
        more = start + size < len(items)
        link = f'<{self.url}{path}?per_page={size}&page={page + 1}>; rel="next"'
        return 200, items[start : start + size], {"Link": link} if more else {}


@contextmanager
def serving(github: GitHub) -> Iterator[GitHub]:
    """The API on loopback, until the end."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            github.calls.append((self.command, self.path))
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers: dict[str, str] = {}
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, {"message": "Bad credentials"}
            else:
                try:
                    body = json.loads(raw) if raw else None
                    status, answer, headers = github.answer(self.command, parts.path, parse_qs(parts.query), body)
                except json.JSONDecodeError:
                    status, answer = 400, {"message": "Problems parsing JSON"}
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(content)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server wants these names

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    github.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
