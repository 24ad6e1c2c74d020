"""The load of many callers, in a process of its own: `python -m tests.benchmarks.phone_load`, steered by the rig."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from bot.testing.dialling.dial import new_call_sid, new_stream_sid
from bot.testing.dialling.signed_webhook import Caller, check_answer, parse_document, signature
from bot.testing.dialling.stream_socket import stream_signature
from bot.testing.handset.twilio_texts import StreamIds
from tests.benchmarks.control import Reply, run_generator, serve_commands
from tests.benchmarks.pacer import Pacer
from tests.benchmarks.phone_call import FRAME_MS, PhoneCall, PhoneCounts
from tests.benchmarks.stamps import now_ns

STEP = 13
"""Prime to 20: the phases of any few calls lie far apart, those of many evenly."""
WAIT_S = 15


@dataclass(frozen=True)
class Target:
    """The subject to ring. Without `auth_token` there is no webhook: the upgrade alone, as for a relay."""

    port: int
    path: str
    auth_token: str = ""
    account_sid: str = ""


@dataclass(frozen=True)
class Opened:
    """Begin of one call: times in ns on the clock of stamps, `answered` and `started` since the webhook was sent."""

    call: PhoneCall
    rung: int
    answered: int
    started: int


class PhoneLoad:
    """All calls, and the pace of their frames: one per 20 ms and call, phases spread evenly."""

    def __init__(self) -> None:
        self._counts = PhoneCounts()
        self._calls: list[PhoneCall] = []
        self._slots: list[list[PhoneCall]] = [[] for _ in range(FRAME_MS)]
        self._numbers = itertools.count()
        self._pacer = Pacer(FRAME_MS, self._fire)

    def _fire(self, slot: int) -> None:
        for call in self._slots[slot]:
            call.frame()

    async def open(
        self, target: dict[str, Any], calls: int, over_s: float, connect_s: float = 0, *, greeted: bool = True
    ) -> Reply:
        """Open `calls` more within `over_s`, streams not sooner than `connect_s` after the webhook.

        Waits for the first audio of each with `greeted`. Gives lists in us: `answered`, from webhook to its answer;
        `greeting`, from start to first audio; `excess`, from the later of start and the model's sending to first audio.
        """
        chosen = Target(**target)
        ringing = [
            asyncio.create_task(self._ring(chosen, over_s * index / calls, connect_s, greeted))
            for index in range(calls)
        ]
        results = await asyncio.gather(*ringing, return_exceptions=True)
        failures = [f"{type(one).__name__}: {one}" for one in results if isinstance(one, BaseException)]
        good = [one for one in results if isinstance(one, Opened)]
        heard = [(one, one.call.greeted.result()) for one in good if one.call.greeted.done()]
        return {
            "failures": len(failures),
            "first_failure": failures[0] if failures else "",
            "answered": [(one.answered - one.rung) / 1000 for one in good],
            "greeting": [(at - one.started) / 1000 for one, (at, _) in heard],
            "excess": [(at - max(one.started, sent)) / 1000 for one, (at, sent) in heard],
        }

    async def _ring(self, target: Target, wait_s: float, connect_s: float, greeted: bool) -> Opened:
        await asyncio.sleep(wait_s)
        number = next(self._numbers)
        ids = StreamIds(target.account_sid or "AC" + "0" * 32, new_call_sid(), new_stream_sid())
        rung = now_ns()
        path, signed = target.path, ""
        if target.auth_token:
            path, signed = await _webhook(target, ids)
        answered = now_ns()
        await asyncio.sleep(max(0.0, connect_s - (answered - rung) / 1e9))
        call = PhoneCall(number, ids, _upgrade(target.port, path, signed), self._counts)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(WAIT_S):
            await loop.create_connection(lambda: call, "127.0.0.1", target.port)
            await call.opened
            self._calls.append(call)
            started = call.start()
            self._slots[number * STEP % FRAME_MS].append(call)
            if greeted:
                await call.greeted
        return Opened(call, rung, answered, started)

    def window(self) -> Reply:
        """Measure from here."""
        self._counts.window()
        self._pacer.window()
        return {"sent": self._counts.sent, "received": self._counts.received}

    def report(self) -> Reply:
        counts = self._counts
        return {
            "sent": counts.sent,
            "received": counts.received,
            "delay": counts.down.summary_us(),
            "jitter": {
                "arrivals": counts.arrivals.deviation,
                "sendings": counts.sendings.deviation,
                "added": counts.added.deviation,
            },
            "clears": counts.clears,
            "lost_calls": sum(call.gone.done() for call in self._calls),
            **self._pacer.health(),
        }

    def stop(self) -> Reply:
        """Send no more frames; the calls stay."""
        for slot in self._slots:
            slot.clear()
        return {}

    async def close(self) -> Reply:
        """Hang up every call and forget what was counted."""
        self.stop()
        for call in self._calls:
            call.hang_up()
        if self._calls:
            _, left = await asyncio.wait([call.gone for call in self._calls], timeout=WAIT_S)
            if left:
                raise TimeoutError(f"{len(left)} calls were not closed by the bot")
        self._calls.clear()
        self._counts.sent = self._counts.received = 0
        return {}


async def _webhook(target: Target, ids: StreamIds) -> tuple[str, str]:
    """The signed POST /voice. Gives the path of the stream and the signature of its upgrade."""
    origin = f"http://127.0.0.1:{target.port}"
    caller = Caller(target.auth_token, ids.account_sid, ids.call_sid)
    form = caller.form("ringing")
    headers = f"X-Twilio-Signature: {signature(caller.auth_token, origin + target.path, form)}\r\n"
    status, body = await _post(target.port, target.path, headers, urlencode(form).encode())
    check_answer(status, "text/xml", body)
    stream = parse_document(body.decode()).find("Connect/Stream")
    if stream is None:
        raise ConnectionError(f"no stream: {body[:200]!r}")
    url = stream.get("url", "")
    return urlsplit(url).path, stream_signature(caller.auth_token, url, "plain")


async def _post(port: int, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
    async with asyncio.timeout(WAIT_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode()
            + body
        )
        answer = await reader.read()
        writer.close()
    head, _, text = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), text


def _upgrade(port: int, path: str, signed: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *([f"X-Twilio-Signature: {signed}"] if signed else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def main() -> None:
    load = PhoneLoad()
    await serve_commands(
        {
            "open": load.open,
            "window": load.window,
            "report": load.report,
            "stop": load.stop,
            "close": load.close,
        }
    )


if __name__ == "__main__":
    run_generator(main())
