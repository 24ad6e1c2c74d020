"""The address to listen on, and why it can't be had."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import closing


class CannotListen(Exception):
    """Nobody can be listened to at HOST and PORT. A sentence that says which of them to mend."""

    def __init__(self, host: str, port: int, error: OSError) -> None:
        super().__init__(_sentence(host, port, error))
        self.taken = error.errno == errno.EADDRINUSE


def try_address(host: str, port: int) -> None:
    """Take every address that `host` has, and give it back. Raises CannotListen."""
    try:
        for family, kind, protocol, _, address in _addresses(host, port):
            with closing(socket.socket(family, kind, protocol)) as trial:
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                trial.bind(address)
    except (OSError, UnicodeError) as error:
        raise CannotListen(host, port, _as_os_error(error)) from None


def is_taken(host: str, port: int) -> bool:
    try:
        try_address(host, port)
    except CannotListen as error:
        return error.taken
    return False


def listener(host: str, port: int, backlog: int) -> socket.socket:
    try:
        family, *_, address = _addresses(host, port)[0]
        return socket.create_server(address[:2], family=family, backlog=backlog)
    except (OSError, UnicodeError) as error:
        raise CannotListen(host, port, _as_os_error(error)) from None


def _addresses(
    host: str, port: int
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]]:
    name = host.encode("ascii") if host.isascii() else host  # else the codec for other letters is loaded
    return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # type: ignore[return-value]


def _as_os_error(error: OSError | UnicodeError) -> OSError:
    """A name with an empty or overlong part does not get as far as the resolver."""
    return error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "not a name of a host")


def _sentence(host: str, port: int, error: OSError) -> str:
    number = error.errno
    if isinstance(error, socket.gaierror):
        return f"HOST is {host}, which is no address and can't be looked up ({error.strerror}); mend it, or unset it."
    why = _WHY.get(number or 0, f"{os.strerror(number) if number else error}; mend HOST or PORT")
    if number in {errno.EACCES, errno.EPERM} and port < _FIRST_FREE_PORT:
        why = f"ports below {_FIRST_FREE_PORT} are not for everybody; set PORT to a higher one, such as 8080"
    return f"The server can't listen on {host} port {port}: {why}."


_FIRST_FREE_PORT = 1024
_TOO_MANY_FILES = "too many files are open; raise the limit of open files (`ulimit -n`)"
_WHY = {
    errno.EADDRINUSE: "another program has that port; stop that one, or mend HOST or PORT",
    errno.EADDRNOTAVAIL: "this machine has no such address; unset HOST, or mend it",
    errno.EAFNOSUPPORT: "this machine does not speak that kind of address; unset HOST, or mend it",
    errno.EMFILE: _TOO_MANY_FILES,
    errno.ENFILE: _TOO_MANY_FILES,
}
