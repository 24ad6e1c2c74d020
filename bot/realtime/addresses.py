"""The addresses of the host that sessions are opened at, looked up ahead, so that no dial waits for DNS.

They are only where a connection goes to: the certificate is checked against the host's name.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog
from aiohappyeyeballs import AddrInfoType, start_connection
from websockets.uri import parse_uri

REFRESH_S = 60.0
RETRY_S = 5.0
NEXT_ADDRESS_S = 0.25
"""The head start of each address before the next one is tried beside it (RFC 8305, section 8)."""

LookUp = Callable[[str, int], Awaitable[Sequence[AddrInfoType]]]

_log = structlog.get_logger()


class Addresses:
    """Addresses of one host and port. While `run` runs they are never older than a minute, unless DNS fails.

    `rest` waits so many seconds. There is never more than one look-up at a time, however many ask.
    """

    def __init__(
        self,
        host: str,
        port: int,
        look_up: LookUp | None = None,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._host = host
        self._port = port
        self._look_up = look_up or in_a_thread
        self._rest = rest
        self._known = _as_written(host, port)
        self._fixed = bool(self._known)
        self._looking: asyncio.Task[OSError | None] | None = None

    @classmethod
    def of(cls, url: str) -> Addresses:
        """The addresses for a WebSocket URL."""
        uri = parse_uri(url)
        return cls(uri.host, uri.port)

    async def run(self) -> None:
        """Look them up now, and again for ever; those of before stay when that fails."""
        failed = False
        try:
            while not self._fixed:
                try:
                    await self._refresh()
                except OSError as error:
                    if not failed:
                        _log.warning("host_not_resolved", host=self._host, why=str(error), kept=len(self._known))
                    failed = True
                else:
                    failed = False
                await self._rest(RETRY_S if failed else REFRESH_S)
        finally:
            if self._looking is not None:
                self._looking.cancel()
                await asyncio.wait([self._looking])

    async def connect(self) -> socket.socket:
        """A connected socket that does not block. Raises OSError.

        The addresses are tried one after the other, both families in turn, none waiting long for the one before. When
        all of them fail, and they are not of this moment, the host may have moved: it is asked for.
        """
        if self._fixed or not self._known:
            return await self._connect(self._known or await self._refresh())
        known = self._known
        try:
            return await self._connect(known)
        except OSError:
            with suppress(OSError):
                moved = [one for one in await self._refresh() if one not in known]
                if moved:
                    return await self._connect(moved)
            raise

    async def _connect(self, addresses: Sequence[AddrInfoType]) -> socket.socket:
        return await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S)

    async def _refresh(self) -> Sequence[AddrInfoType]:
        """Look up, together with whoever else is waiting for it. Raises OSError."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="look-up")
        failure = await asyncio.shield(self._looking)
        if failure is not None:
            raise failure
        return self._known

    async def _look(self) -> OSError | None:
        """Gives what failed rather than raise it: whoever asked may have gone by then."""
        try:
            self._known = await self._look_up(self._host, self._port)
        except OSError as error:
            return error
        else:
            return None
        finally:
            self._looking = None


def _as_written(host: str, port: int) -> Sequence[AddrInfoType]:
    """The socket addresses of `host` if it is an IP address; none if it is a name."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ()


async def in_a_thread(host: str, port: int) -> Sequence[AddrInfoType]:
    """Ask the system. Raises OSError.

    In a thread that nobody waits for at the end of the process: with DNS dead, an answer takes half a minute.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Sequence[AddrInfoType]] = loop.create_future()

    def settle(found: Sequence[AddrInfoType], error: OSError | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: Sequence[AddrInfoType] = ()
        failure: OSError | None = None
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            failure = error
        except UnicodeError as error:
            failure = OSError(f"{host} can't be a host's name: {error}")
        with suppress(RuntimeError):  # the loop is closed: nobody asks any more
            loop.call_soon_threadsafe(settle, found, failure)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    return await answer
