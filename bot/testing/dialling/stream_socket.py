"""The WebSocket of a simulated phone: Twilio's handshake (twilio-voice 3) and the phone in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from bot.testing.dialling.signed_webhook import Caller, signature
from bot.testing.handset.phone import SimulatedPhone

Signing = Literal["plain", "trailing_slash", "port_443", "wrong_token", "https_scheme"]
_OPEN_S = 10
_CLOSE_S = 10
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class StreamFailed(Exception):
    """The stream never started. `code` is Twilio's error code, `status` the HTTP status of the refusal, or 0."""

    def __init__(self, code: int, detail: str, status: int = 0) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code
        self.status = status


def requested_url(url: str) -> str:
    """The URL Twilio connects to: without query and fragment. Raises StreamFailed unless it is wss (ws on loopback)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise StreamFailed(11100, f"{url!r} is no URL") from None
    if parts.scheme != "wss" and not (parts.scheme == "ws" and parts.hostname in _LOOPBACK):
        raise StreamFailed(31922, f"{url} is not wss")
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def stream_signature(token: str, url: str, signing: Signing) -> str:
    """X-Twilio-Signature of the upgrade, in one of the forms seen or feared (twilio-voice 1.5 and 3)."""
    parts = urlsplit(url)
    if signing == "trailing_slash":
        url += "/"
    elif signing == "port_443":
        url = urlunsplit(parts._replace(netloc=f"{parts.hostname}:443"))
    elif signing == "https_scheme":
        url = urlunsplit(parts._replace(scheme=parts.scheme.replace("ws", "http")))
    elif signing == "wrong_token":
        token += "x"
    return signature(token, url)


async def run_stream(
    phone: SimulatedPhone,
    caller: Caller,
    url: str,
    parameters: dict[str, str],
    now_us: Callable[[], int],
    *,
    signing: Signing = "plain",
    watch: Callable[[Callable[[], None]], Callable[[], None]] | None = None,
) -> int:
    """Run `phone` over the stream at `url` until either side ends it.

    Cancelled, it ends the stream as Twilio does when the call gets other orders. `watch` is given a function that has
    the phone looked at anew, and gives one that is called whenever something came for it. Gives the close code as the
    phone saw it: 1006 when no closing handshake was. Raises StreamFailed.
    """
    url = requested_url(url)
    try:
        socket = await _open(caller, url, signing)
    except InvalidStatus as error:
        status = error.response.status_code
        raise StreamFailed(31920, f"HTTP status {status} instead of 101", status) from error
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise StreamFailed(31901, f"{url}: {error or type(error).__name__}") from error
    async with socket:
        phone.open(now_us(), parameters)
        session = _Session(socket, phone, now_us)
        if watch is not None:
            session.came = watch(session.wake)
        try:
            await session.run()
        except asyncio.CancelledError:
            await session.stop()
            raise
    return 1006 if socket.close_code is None else socket.close_code


async def _open(caller: Caller, url: str, signing: Signing) -> ClientConnection:
    headers = {
        "x-twilio-signature": stream_signature(caller.auth_token, url, signing),
        "accept-encoding": "gzip",
    }
    reached, asked = urlsplit(caller.reached(url)), urlsplit(url)
    where: dict[str, Any] = {"host": reached.hostname, "port": reached.port} if caller.via else {}
    return await connect(
        urlunsplit(asked._replace(scheme=reached.scheme)),
        additional_headers=headers,
        user_agent_header="Twilio.TmeWs/1.0",
        compression=None,
        proxy=None,
        open_timeout=_OPEN_S,
        close_timeout=_CLOSE_S,
        ping_interval=None,
        max_size=None,
        max_queue=None,
        **where,
    )


class _Session:
    """One open socket: a task that reads, and the loop that sends what the phone has due at its absolute times."""

    def __init__(self, socket: ClientConnection, phone: SimulatedPhone, now_us: Callable[[], int]) -> None:
        self._socket = socket
        self._phone = phone
        self._now_us = now_us
        self._changed = asyncio.Event()
        self._closed = False
        self.came: Callable[[], None] = lambda: None

    def wake(self) -> None:
        """Look at the phone anew: its caller was told to do something."""
        self._changed.set()

    async def stop(self) -> None:
        """End the stream from Twilio's side."""
        self._phone.stop(self._now_us())
        try:
            for text in self._phone.due(self._now_us()):
                await self._socket.send(text)
        except ConnectionClosed:
            return
        await self._socket.close(1000)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(self._read())
            try:
                await self._send()
            except ConnectionClosed:
                await reading  # it sees the same close, and tells the phone
            else:
                await self._hang_up()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if isinstance(message, str):
                    self._phone.receive(message, self._now_us())
                else:
                    self._phone.receive_binary(message, self._now_us())
                self._changed.set()
                self.came()
        except ConnectionClosed:
            pass
        self._closed = True
        self._phone.closed(self._now_us())
        self._changed.set()
        self.came()

    async def _send(self) -> None:
        """Send what is due, until the phone or the bot has ended the stream."""
        loop = asyncio.get_running_loop()
        while not self._closed:
            self._changed.clear()
            for text in self._phone.due(self._now_us()):
                await self._socket.send(text)
            if self._phone.hung_up:
                return
            next_us = self._phone.next_us()
            wake_s = None if next_us is None else loop.time() + max(0, next_us - self._now_us()) / 1e6
            try:
                async with asyncio.timeout_at(wake_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _hang_up(self) -> None:
        if self._phone.hung_up == "abrupt":
            self._socket.transport.abort()
        else:
            await self._socket.close(1000)
