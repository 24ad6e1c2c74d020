"""A stream that lands in the wrong process is handed to the right one: the socket itself goes there.

The kernel gives a connection to whichever worker accepts first; a stream belongs where its session is. The request is
passed on with the file descriptor over a datagram socket of the owner, and served there as if it had been accepted
there. Twilio sends nothing after the request until it is answered, so no byte is left behind.
"""

from __future__ import annotations

import asyncio
import os
import socket
from array import array
from contextlib import suppress
from pathlib import Path

import structlog
from aiohttp import web

MAX_REQUEST_BYTES = 32 * 1024
HANDED = "X-Handed-Over"
"""A header of a request that has been passed on: it stays where it is then."""
FULL_S = 0.5
LOOK_S = 0.005

_log = structlog.get_logger()


class SocketHandover:
    """The datagram socket of one worker, and the way to those of the others. `directory` is theirs alone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._server: web.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.given = 0
        self.taken = 0

    def open(self, server: web.Server) -> None:
        """Take connections for `server` from now on."""
        self._server = server
        self._socket.setblocking(False)
        self._socket.bind(str(self._path(os.getpid())))
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._arrived)

    async def give(self, request: web.Request, owner: int | None, body: bytes = b"") -> bool:
        """Hand the connection of `request` to process `owner`, if there is one; once, and if not too long.

        `body`: what was read of it here already; nothing of an upgrade.

        True: it is not ours any more and must get no answer.
        """
        head = request_head(request, HANDED.encode() + b": 1") + body
        if owner in {None, os.getpid()} or HANDED in request.headers or len(head) > MAX_REQUEST_BYTES:
            return False
        until_s = asyncio.get_running_loop().time() + FULL_S
        while (transport := request.transport) is not None:
            try:
                self._send(head, transport, owner)
            except BlockingIOError as error:  # the kernel keeps ten datagrams for each process, unless told otherwise
                if asyncio.get_running_loop().time() > until_s:
                    return _failed(owner, error)
                await asyncio.sleep(LOOK_S)
            except OSError as error:
                return _failed(owner, error)
            else:
                transport.abort()
                self.given += 1
                return True
        return False

    def _send(self, head: bytes, transport: asyncio.Transport, owner: int) -> None:
        handle = transport.get_extra_info("socket").fileno()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [handle]))]
        self._socket.sendmsg([head], rights, 0, str(self._path(owner)))

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        with suppress(OSError):
            self._path(os.getpid()).unlink()

    def _path(self, pid: int) -> Path:
        return self.directory / f"{pid}.box"

    def _arrived(self) -> None:
        try:
            head, handles, _, _ = socket.recv_fds(self._socket, MAX_REQUEST_BYTES, 1)
        except OSError:
            return
        for handle in handles:
            task = asyncio.ensure_future(self._serve(head, handle))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, head: bytes, handle: int) -> None:
        assert self._server is not None
        sock = socket.socket(fileno=handle)
        sock.setblocking(False)
        try:
            _, protocol = await asyncio.get_running_loop().connect_accepted_socket(self._server, sock)
        except OSError:
            sock.close()
            return
        self.taken += 1
        protocol.data_received(head)


def _failed(owner: int, error: OSError) -> bool:
    _log.warning("handover_failed", owner=owner, why=str(error))
    return False


def request_head(request: web.Request, *more: bytes) -> bytes:
    """The request as it came: its line and its raw headers, and `more` of them."""
    lines = [f"{request.method} {request.raw_path} HTTP/1.1".encode()]
    lines += [name + b": " + value for name, value in request.raw_headers]
    lines += more
    return b"\r\n".join(lines) + b"\r\n\r\n"
