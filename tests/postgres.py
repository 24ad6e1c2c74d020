"""A PostgreSQL server of the tests' own: in a temporary directory, on loopback, gone when the tests are over."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

USER = "heardline"
PASSWORD = "p@ss:word/with?odd#letters"
_START_S = 60
_KEEPER = """
"$1" -D "$2" -l "$3" -w -t "$4" -s start || exit 1
echo up
read -r line
"$1" -D "$2" -w -m immediate -s stop
rm -rf "$5"
"""
_UNPRIVILEGED = ("postgres", "nobody")
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "timezone": "Asia/Kolkata",  # neither UTC nor the machine's: no time may depend on it
}


class NoPostgres(Exception):
    """No server can be started here; the text says why."""


@dataclass(frozen=True)
class Server:
    """A server that runs. `socket_dir` holds its Unix socket; `root` is its certificate, None where it has no TLS."""

    port: int
    socket_dir: Path
    root: Path | None

    def url(self, database: str, *, query: str = "", host: str = "127.0.0.1") -> str:
        """DATABASE_URL of one of its databases."""
        return f"postgres://{USER}:{self.quoted}@{host}:{self.port}/{database}{query}"

    @property
    def quoted(self) -> str:
        """The password, as a URL has it."""
        return quote(PASSWORD, safe="")


@contextmanager
def running() -> Iterator[Server]:
    """Start a server and stop it. Raises NoPostgres where there is none; one that will not start is an error."""
    programs = _programs()
    runs_as = _unprivileged()
    top = Path(tempfile.mkdtemp(prefix="heardline-pg-"))
    try:
        _hand_over(top, runs_as)
        data = top / "data"
        _make_cluster(programs, top, data, runs_as)
        root = _make_certificate(top, data, runs_as)
        port = _free_port()
        options = {**_OPTIONS, "port": str(port), "unix_socket_directories": str(top)}
        if root is not None:
            options |= {"ssl": "on"}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in options.items())
        with _kept_up(programs, top, data, runs_as):
            yield Server(port, top, root)
    finally:
        shutil.rmtree(top, ignore_errors=True)


@contextmanager
def _kept_up(programs: Path, top: Path, data: Path, runs_as: str | None) -> Iterator[None]:
    """The server, as long as we live: its keeper waits for the end of its input, which our death is too."""
    command = ["sh", "-c", _KEEPER, "sh", programs / "pg_ctl", data, top / "log", str(_START_S), top]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd="/", user=runs_as, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True
    ) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        told = keeper.stdout.readline()
        if told != b"up\n":
            raise RuntimeError(f"PostgreSQL does not start: {(told + keeper.stdout.read()).decode()[-500:]}")
        try:
            yield
        finally:
            keeper.stdin.close()
            keeper.wait()


def _programs() -> Path:
    """Directory of initdb and pg_ctl, which Debian keeps off PATH. Raises NoPostgres."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        raise NoPostgres("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    return versions[-1].parent


def _unprivileged() -> str | None:
    """User for the server: None is ours; as root, as whom it refuses to run, somebody without rights."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise NoPostgres("we are root, and there is no user postgres or nobody to run PostgreSQL as")


def _hand_over(path: Path, runs_as: str | None) -> None:
    if runs_as is not None:
        shutil.chown(path, runs_as)


def _make_cluster(programs: Path, top: Path, data: Path, runs_as: str | None) -> None:
    secret = top / "password"
    secret.write_text(PASSWORD)
    _hand_over(secret, runs_as)
    command = [programs / "initdb", "-D", data, "-U", USER, "--pwfile", secret, "-A", "scram-sha-256"]
    _run([*command, "-E", "UTF8", "--locale=C", "--no-sync"], top, runs_as)


def _make_certificate(top: Path, data: Path, runs_as: str | None) -> Path | None:
    """A certificate for the name localhost that signs itself; None without openssl."""
    if shutil.which("openssl") is None:
        return None
    certificate, key = data / "server.crt", data / "server.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject]
    _run(make, top, runs_as)
    root = top / "root.crt"
    shutil.copy(certificate, root)
    return root


def _run(command: list[str | Path], cwd: Path, runs_as: str | None) -> None:
    """Run one of the programs, its words kept in a file: a pipe would stay open as long as the server runs."""
    words = cwd / "words"
    with words.open("w") as output:
        done = subprocess.run(
            command, cwd=cwd, user=runs_as, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed: {words.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
