"""Addresses of sessions: known ahead, kept when DNS fails, and every one tried."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import structlog
from aiohappyeyeballs import AddrInfoType

from bot.realtime import connection
from bot.realtime.addresses import REFRESH_S, RETRY_S, Addresses
from bot.realtime.connection import ConnectError, Endpoint, RealtimeConnection
from tests.realtime.raw_model import RawModel
from tests.server.leaks import nothing_left
from tests.server.simulated_server import until

__all__ = ["nothing_left"]
pytestmark = [pytest.mark.usefixtures("nothing_left"), pytest.mark.both_loops]

HOST, OTHER = "sessions.example", "other.example"
DEAD = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def at(port: int, host: str = "127.0.0.1") -> AddrInfoType:
    return (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


class Dns:
    """Gives the answers one after the other, the last for ever; waits while `held`."""

    def __init__(self, *answers: Sequence[AddrInfoType] | OSError) -> None:
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()
        self._answers = answers

    async def __call__(self, host: str, port: int) -> Sequence[AddrInfoType]:
        assert (host in {HOST, OTHER}, port) == (True, 443)
        answer = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        await self.free.wait()
        if isinstance(answer, OSError):
            raise answer
        return answer


class Rest:
    """A clock that stands still until the test lets it go on."""

    def __init__(self) -> None:
        self.rests: list[float] = []
        self._over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.rests.append(seconds)
        self._over.clear()
        await self._over.wait()

    async def over(self, times: int = 1) -> None:
        """End this rest and the next ones, and wait for the one after."""
        for _ in range(times):
            before = len(self.rests)
            self._over.set()
            await until(lambda before=before: len(self.rests) > before)


@asynccontextmanager
async def running(dns: Dns) -> AsyncIterator[tuple[Addresses, Rest]]:
    """Looked up once, and resting."""
    rest = Rest()
    addresses = Addresses(HOST, 443, dns, rest)
    task = asyncio.create_task(addresses.run())
    await until(lambda: rest.rests)
    yield addresses, rest
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def shut() -> int:
    """A port that refuses them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def port_of(addresses: Addresses) -> int:
    """Connect: the port that it came to."""
    with await addresses.connect() as connected:
        return int(connected.getpeername()[1])


async def test_a_connection_asks_nobody_once_the_host_is_known() -> None:
    async with listening() as port:
        dns = Dns([at(port)])
        async with running(dns) as (addresses, _):
            dns.free.clear()  # from now on DNS does not answer
            assert await port_of(addresses) == port
            assert dns.asked == 1


async def test_before_the_first_answer_all_wait_for_the_same_look_up() -> None:
    async with listening() as port:
        dns = Dns([at(port)])
        dns.free.clear()
        addresses = Addresses(HOST, 443, dns)
        waiting = [asyncio.create_task(port_of(addresses)) for _ in range(3)]
        await until(lambda: dns.asked)
        waiting.pop().cancel()  # a caller who has hung up takes nothing from the others
        dns.free.set()
        assert [await one for one in waiting] == [port, port]
        assert dns.asked == 1


async def test_the_next_answer_replaces_the_one_before() -> None:
    async with (
        listening() as first,
        listening() as second,
        running(Dns([at(first)], [at(second)])) as (addresses, rest),
    ):
        await rest.over()
        assert await port_of(addresses) == second
        assert rest.rests == [REFRESH_S] * 2


async def test_the_last_good_answer_serves_while_dns_is_dead() -> None:
    async with listening() as port:
        with structlog.testing.capture_logs() as logs:
            async with running(Dns([at(port)], DEAD, DEAD, [at(port)])) as (addresses, rest):
                await rest.over(times=2)
                assert await port_of(addresses) == port
                await rest.over()
                assert rest.rests == [REFRESH_S, RETRY_S, RETRY_S, REFRESH_S]
        (told,) = [entry for entry in logs if entry["event"] == "host_not_resolved"]  # once, not every five seconds
        assert (told["host"], told["kept"], told["log_level"]) == (HOST, 1, "warning")


async def test_dns_that_is_dead_from_the_start_is_asked_again_by_each_connection() -> None:
    async with listening() as port:
        dns = Dns(DEAD, DEAD, [at(port)])
        async with running(dns) as (addresses, _):
            with pytest.raises(socket.gaierror, match="Temporary failure"):
                await addresses.connect()
            assert await port_of(addresses) == port


async def test_every_address_is_tried() -> None:
    async with listening() as port:
        assert await port_of(Addresses(HOST, 443, Dns([at(shut()), at(shut()), at(port)]))) == port


async def test_a_host_that_has_moved_is_found() -> None:
    old = shut()
    async with listening() as port, running(Dns([at(old)], [at(old), at(port)])) as (addresses, _):
        assert await port_of(addresses) == port


@pytest.mark.parametrize("later", ["the same", "dead"])
async def test_a_host_that_refuses_is_not_asked_for_ever(later: str) -> None:
    answer = [at(shut())]
    dns = Dns(answer, answer if later == "the same" else DEAD)
    async with running(dns) as (addresses, _):
        with pytest.raises(ConnectionRefusedError):
            await addresses.connect()
        assert dns.asked == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_needs_no_look_up(host: str) -> None:
    dns = Dns(DEAD)
    addresses = Addresses(host, shut(), dns)
    await addresses.run()
    with pytest.raises(OSError, match=r"refused|failed|Cannot assign|unreachable"):
        await addresses.connect()
    assert dns.asked == 0


async def test_the_system_is_asked_off_the_loop() -> None:
    async with listening() as port:
        assert await port_of(Addresses("localhost", port)) == port


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".example"])
async def test_a_name_that_does_not_resolve_is_unreachable(host: str) -> None:
    line = RealtimeConnection(Endpoint(f"ws://{host}:1/v1/realtime", "m", "k"), print, print)
    with pytest.raises(ConnectError) as caught:
        await line.open(5)
    assert caught.value.failure.kind == "unreachable"


# ---- TLS ----


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for HOST that signs itself, and its key, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "2"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "own.pem"]
    subprocess.run([*make, *subject], cwd=file.parent, check=True, capture_output=True)
    file.write_text((file.parent / "own.pem").read_text() + (file.parent / "key.pem").read_text())
    return file


@asynccontextmanager
async def with_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RawModel]:
    """A server that shows `certificate`, which is trusted."""
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(connection, "tls_context", lambda: trusting)
    async with RawModel("speaks with the handshake", tls=shown) as server:
        yield server


def session(host: str, server: RawModel) -> RealtimeConnection:
    addresses = Addresses(host, 443, Dns([at(server.port)]))
    return RealtimeConnection(Endpoint(f"wss://{host}/v1/realtime", "m", "k", addresses), print, print)


async def test_the_certificate_is_held_against_the_name(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with with_tls(certificate, monkeypatch) as server:
        line = session(HOST, server)
        await line.open(5)
        assert server.head.decode().splitlines()[1] == f"Host: {HOST}"
        await line.close()


async def test_a_certificate_for_another_name_is_refused(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with with_tls(certificate, monkeypatch) as server:
        line = session(OTHER, server)
        with pytest.raises(ConnectError, match=re.escape(OTHER)):
            await line.open(5)
