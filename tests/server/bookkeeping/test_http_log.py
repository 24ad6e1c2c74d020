"""Nonsense on the HTTP port: one short warning now and then, a number, and no traceback."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp.http_exceptions import BadStatusLine, LineTooLong
from structlog.testing import capture_logs

from bot.observe.rate_limited_log import QUIET_S, RateLimitedLog
from bot.server.bookkeeping.http_log import HttpLog
from tests.server.http.operators.test_metrics_route import found
from tests.server.simulated_server import ServerUnderTest, standing
from tests.waiting import GIVE_UP_S

HELLO = bytes.fromhex("1603010200010001fc0303")
"""First bytes of a TLS connection."""
STRANGE = {
    "TLS where none is spoken": HELLO,
    "another protocol": b"SSH-2.0-scanner\r\n",
    "no version of HTTP": b"GET / HTTP/9.x\r\n\r\n",
    "a header without a colon": b"GET /healthz HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
    "a header that is too long": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
    "a length that is none": b"POST /voice HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\nabcd",
    "a chunk of no length": b"POST /voice HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
}
FORMS = {
    "half": b"POST /voice HTTP/1.1\r\nHost: a\r\nX-Twilio-Signature: x\r\nContent-Length: 9\r\n\r\nabcd",
    "not packed as it says": (
        b"POST /voice HTTP/1.1\r\nHost: a\r\nX-Twilio-Signature: x\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"
    ),
}


async def answered(desk: ServerUnderTest, sent: bytes) -> bytes:
    """The answer, up to the close by the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(desk.origin.rpartition(":")[2]))
    try:
        writer.write(sent)
        writer.write_eof()
        return await asyncio.wait_for(reader.read(), GIVE_UP_S)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("what", STRANGE)
async def test_what_is_no_http_is_one_warning_and_one_count(what: str, caplog: pytest.LogCaptureFixture) -> None:
    async with standing() as desk:
        assert not (await answered(desk, STRANGE[what])).startswith((b"HTTP/1.1 2", b"HTTP/1.1 5", b"HTTP/1.0 5"))
        assert (await found(desk))["http_malformed_total",] == 1
        (line,) = desk.logged("http_malformed")
        assert (line["log_level"], line["times"]) == ("warning", 1)
        await desk.works()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("what", FORMS)
async def test_a_form_that_cannot_be_read_is_refused_and_no_error_of_ours(
    what: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing() as desk:
        assert not (await answered(desk, FORMS[what])).startswith((b"HTTP/1.1 2", b"HTTP/1.1 5"))
        numbers = await found(desk)
        assert numbers["webhooks_refused_total", "form"] == 1
        assert numbers["http_malformed_total",] == 0
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_defect_of_ours_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    log = HttpLog(RateLimitedLog())
    log.error("Error handling request from %s", "somebody", exc_info=ValueError("ours"))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("aiohttp.server", "ERROR")
    assert record.exc_info is not None
    assert log.malformed == 0


def test_a_storm_of_them_is_a_line_a_minute() -> None:
    now_s = 1000.0
    log = HttpLog(RateLimitedLog(clock=lambda: now_s))
    with capture_logs() as logs:
        for _ in range(500):
            log.error("Error handling request from %s", "x", exc_info=BadStatusLine("x"))
        assert [(line["why"], line["times"]) for line in logs] == [("BadStatusLine", 1)]
        now_s += QUIET_S
        log.error("Error handling request from %s", "x", exc_info=LineTooLong(b"x", 9))
    assert [(line["why"], line["times"]) for line in logs] == [("BadStatusLine", 1), ("LineTooLong", 500)]
    assert log.malformed == 501
