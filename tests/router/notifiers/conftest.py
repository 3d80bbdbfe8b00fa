from __future__ import annotations

import socket
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _no_name_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name under .invalid doesn't resolve (RFC 6761); said here, so that no test depends on a name server."""
    ask = socket.getaddrinfo

    def answer(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return ask(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
