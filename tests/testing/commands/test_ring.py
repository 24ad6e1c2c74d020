"""`bot call`, by what it prints and its exit code, against a small bot and against what is no bot."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import ssl
import sys
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web
from typer.testing import CliRunner

from bot.audio.wav import StereoWriter
from bot.cli import app
from bot.testing.dialling.mends import bad_url
from tests.testing.dialling.test_dial import Bot, serving

ROOT = Path(__file__).parents[3]
ACCOUNT = "AC" + "0" * 32
CONNECT = '<Response><Connect action="/next"><Stream url="{ws}/media/T"/></Connect></Response>'


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOT_", "TWILIO_"))}
    return {**kept, "TWILIO_AUTH_TOKEN": "12345" * 7, "TWILIO_ACCOUNT_SID": ACCOUNT, "PYTHONPATH": str(ROOT), **more}


async def started(url: str, *arguments: str, **more: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-W", "error", "-m", "bot", "call", url, *arguments]
    return await asyncio.create_subprocess_exec(
        *command, env=environment(**more), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def finished(process: asyncio.subprocess.Process) -> Ran:
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return Ran(process.returncode, out.decode(), err.decode())


async def call(url: str, *arguments: str) -> Ran:
    """The command in a thread of this process, with a loop of its own."""
    line = ["call", url, *arguments]
    result = await asyncio.to_thread(CliRunner().invoke, app, line, env=environment())
    assert isinstance(result.exception, SystemExit | None), result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def silence(path: Path, ms: int = 200) -> Path:
    with StereoWriter(path) as file:
        file.write(b"\xff" * ms * 8, b"\xff" * ms * 8)
    return path


async def _speak_and_leave(bot_socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
    """Half a second of sound, which the phone plays before the socket is closed."""
    media = {"event": "media", "streamSid": start["streamSid"], "media": {"payload": "QUJD" * 1000}}
    mark = {"event": "mark", "streamSid": start["streamSid"], "mark": {"name": "end"}}
    await bot_socket.send_json(media)
    await bot_socket.send_json(mark)
    async for message in bot_socket:
        if message.json()["event"] == "mark":
            await bot_socket.close()


class CarriedOn(Bot):
    """Streams three times before it hangs up."""

    async def voice(self, request: web.Request) -> web.Response:
        if request.path == "/next":
            asked = sum(path == "/next" for path, _, _ in self.forms) + 1
            self.next = self.answer if asked < 3 else "<Response><Hangup/></Response>"
        return await super().voice(request)


async def test_a_call_that_is_carried_on_is_followed_by_the_same_phone(tmp_path: Path) -> None:
    bot = CarriedOn(_speak_and_leave)
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice", "--save", str(tmp_path / "a.wav"))
    assert (ran.code, ran.err) == (0, "")
    sids = {form["CallSid"] for _, form, _ in bot.forms}
    (sid,) = sids
    lines = ran.out.splitlines()
    assert lines[0] == f"calling {origin}/voice as {sid}"
    told = [re.sub(r"^ +[0-9.]+ s +", "", line) for line in lines if "stream" in line]
    assert told[:-2] == [
        "call    the stream is open",
        "call    the stream is over, ended by the bot",
        *["call    the call is carried on over another stream", "call    the stream is over, ended by the bot"] * 2,
    ]
    assert told[-2].startswith("stream open after ")
    assert re.fullmatch(r"heard 1\.1 s of the bot over 3 streams, interrupted it never", told[-1])
    assert lines[-1] == f"the call {sid} is over: <Hangup> was the answer"
    with wave.open(str(tmp_path / "a.wav")) as kept:
        assert (kept.getnchannels(), kept.getframerate()) == (2, 8000)
        assert kept.getnframes() > 3 * 3000


async def test_what_happens_is_told_while_it_happens() -> None:
    goes_on = asyncio.Event()

    async def talk(bot_socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
        await goes_on.wait()
        await _speak_and_leave(bot_socket, start)

    async with serving(Bot(talk)) as origin:
        process = await started(f"{origin}/voice")
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        assert lines[0].startswith("calling ")
        assert lines[1].endswith("the webhook has answered\n")
        assert lines[2].endswith("the stream is open\n")
        goes_on.set()
        assert (await finished(process)).code == 0


async def test_a_call_in_which_nothing_is_ever_heard_has_failed() -> None:
    async def leave(bot_socket: web.WebSocketResponse, _: dict[str, Any]) -> None:
        await bot_socket.close()

    async with serving(Bot(leave)) as origin:
        ran = await call(f"{origin}/voice")
    assert ran.code == 1
    assert ran.err.startswith("Nothing was ever heard of the bot; its log has a line with CA")


async def test_a_bot_that_answers_and_opens_no_stream_has_failed_and_is_quoted() -> None:
    bot = Bot()
    bot.answer = "<Response><Say>All lines are busy.</Say><Hangup/></Response>"
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert ran.code == 1
    assert ran.err.startswith('The bot took the call and opened no stream, and said "All lines are busy."; its log')
    bot.answer = "<Response><Reject reason='busy'/></Response>"
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert "<Reject> was the answer, as of a bot that is full" in ran.out
    assert ran.err.startswith("The bot took the call and opened no stream and rejected it")


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (403, "the request is not signed by Twilio\n", "TWILIO_AUTH_TOKEN is not the bot's, or the bot's PUBLIC_URL is not {origin}."),
        (403, "the call belongs to another account\n", "TWILIO_ACCOUNT_SID is not the bot's."),
        (403, "<html>Forbidden</html>", "something before the bot refused it"),
        (404, "<html>Not Found</html>", "it is PUBLIC_URL and /voice, so try {origin}/voice."),
        (405, "", "what answers there takes no POST"),
        (502, "<html>Bad Gateway</html>", "a proxy or tunnel answers, and no bot behind it; start `bot serve`"),
        (500, "", "the server has a defect; its log says which"),
        (418, "tea", "no bot answers so; it said 'tea'"),
    ],
)  # fmt: skip
async def test_a_webhook_that_refuses_is_one_sentence_with_the_likely_mend(
    status: int, body: str, sentence: str
) -> None:
    bot = Bot()
    bot.status, bot.answer = status, body
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert ran.code == 1
    assert sentence.format(origin=origin) in ran.err
    assert "<html>" not in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "document", "words"),
    [
        ("text/html", "<html><body>Welcome</body></html>", "answered with no TwiML (content type text/html)"),
        ("text/xml", "Welcome", "answered with no TwiML (no XML"),
        ("text/xml", "", "answered with no TwiML (empty body)"),
        ("text/xml", "<Answer/>", "answered with no TwiML (the root is Answer"),
        ("text/xml", "<Response><Fly/></Response>", "error 12200"),
        ("text/xml", "<Response><Pause length='x'/></Response>", "error 12200"),
        ("text/xml", "<Response><Redirect>/voice</Redirect></Response>", "error 11215"),
    ],
)
async def test_an_answer_that_is_no_twiml_is_one_sentence(kind: str, document: str, words: str) -> None:
    bot = Bot()
    bot.content_type, bot.answer = kind, document
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert words in ran.err


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "The bot let the webhook in and refused its stream (403): PUBLIC_URL is not the address that was rung"),
        (404, "The stream met status 404 instead of 101: what stands before the bot does not pass WebSockets on"),
        (503, "The stream met status 503"),
    ],
)
async def test_a_stream_that_is_refused_is_one_sentence(status: int, sentence: str) -> None:
    bot = Bot()
    bot.upgrade_status = status
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert ran.err.startswith(sentence)


@pytest.mark.parametrize(
    ("stream", "sentence"),
    [
        ("ws://bot.example.com/media/secret-token", "ws://bot.example.com/media/... is not wss"),
        ("wss://bot.invalid/media/secret-token", "which PUBLIC_URL names, did not open. No address is known for bot.invalid"),
        ("wss://[::1/media/T", "(error 11100): what the document leads to is no URL."),
    ],
)  # fmt: skip
async def test_a_stream_that_leads_nowhere_is_one_sentence_without_its_token(stream: str, sentence: str) -> None:
    bot = Bot()
    bot.answer = CONNECT.replace("{ws}/media/T", stream)
    async with serving(bot) as origin:
        ran = await call(f"{origin}/voice")
    assert ran.code == 1
    assert sentence in ran.err
    assert "secret-token" not in ran.err + ran.out


@asynccontextmanager
async def listening(talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> AsyncIterator[int]:
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _says_what_is_no_http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    writer.close()


async def _hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_what_is_no_bot_at_all_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    nobody = await call(f"http://127.0.0.1:{port}/voice")
    assert nobody.err == (
        f"Nothing listens on 127.0.0.1 port {port}; start `bot serve` there, or mend the host or the port.\n"
    )
    unknown = await call("https://bot.invalid/voice")
    assert unknown.err == "No address is known for bot.invalid; look at how it is spelt.\n"
    async with listening(_says_what_is_no_http) as port:
        other = await call(f"http://127.0.0.1:{port}/voice")
        secure = await call(f"https://127.0.0.1:{port}/voice")
    assert other.err.endswith("broke off without an answer in HTTP; look at the port, or try https.\n")
    assert secure.err.startswith(
        f"What listens on 127.0.0.1 port {port} speaks no TLS; try http://127.0.0.1:{port}/voice"
    )
    async with listening(_hangs_up) as port:
        gone = await call(f"http://127.0.0.1:{port}/voice")
    assert gone.err.endswith("broke off without an answer in HTTP; look at the port, or try https.\n")
    assert {nobody.code, unknown.code, other.code, secure.code, gone.code} == {1}
    assert all("the call CA" in ran.out for ran in (nobody, unknown, other, secure, gone))


async def test_a_certificate_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = await asyncio.create_subprocess_exec(
        *["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
        *["-keyout", str(key), "-out", str(certificate)],
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(_hangs_up, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ran = await call(f"https://127.0.0.1:{port}/voice")
        plain = await call(f"http://127.0.0.1:{port}/voice")
    assert ran.code == 1
    assert ran.err.startswith(f"The certificate of 127.0.0.1 port {port} is not to be trusted (self")
    assert plain.err.endswith("or try https.\n")


async def test_an_address_that_leads_on_to_https_is_told() -> None:
    async def leads_on(_: web.Request) -> web.Response:
        raise web.HTTPMovedPermanently("/elsewhere")

    application = web.Application()
    application.router.add_post("/voice", leads_on)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    ran = await call(f"{origin}/voice")
    await runner.cleanup()
    assert ran.err == (
        f"{origin}/voice leads on to {origin}/elsewhere, which answered with status 404; ring that address.\n"
    )


async def test_ctrl_c_hangs_up_and_nothing_of_the_call_is_lost(tmp_path: Path) -> None:
    async def talk(bot_socket: web.WebSocketResponse, start: dict[str, Any]) -> None:
        media = {"event": "media", "streamSid": start["streamSid"], "media": {"payload": "QUJD" * 20_000}}
        for _ in range(12):  # a minute and a half, however late the signal comes
            await bot_socket.send_json(media)

    bot = Bot(talk)
    async with serving(bot) as origin:
        process = await started(f"{origin}/voice", "--save", str(tmp_path / "a.wav"))
        assert process.stdout is not None
        while b"bot     speaks" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        ran = await finished(process)
        await asyncio.wait_for(bot.over.wait(), 10)
    assert (ran.code, ran.err) == (130, "")
    assert "s of the bot, interrupted it never" in ran.out
    with wave.open(str(tmp_path / "a.wav")) as kept:
        assert kept.getnframes() > 0


# ---- what is known before the call ----


def refused(*arguments: str, code: int = 2) -> str:
    result = CliRunner().invoke(app, ["call", *arguments], env=environment())
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("place", ["missing/a.wav", ".", "a" * 300 + ".wav", "file/a.wav"])
def test_a_place_that_cannot_be_written_fails_before_the_call(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refused("http://127.0.0.1:1/voice", "--save", str(tmp_path / place))
    assert "can't be written" in told
    assert told.endswith("choose another place with --save.\n")


async def test_a_call_that_fails_leaves_no_file_and_what_was_there(tmp_path: Path) -> None:
    new, old = tmp_path / "new.wav", tmp_path / "old.wav"
    old.write_bytes(b"an older call")
    for path in (new, old):
        assert (await call("http://127.0.0.1:1/voice", "--save", str(path))).code == 1
    assert not new.exists()
    assert old.read_bytes() == b"an older call"


def test_the_call_is_not_saved_over_what_the_caller_is_to_say(tmp_path: Path) -> None:
    path = silence(tmp_path / "a.wav")
    told = refused("http://127.0.0.1:1/voice", "--audio", str(path), "--save", f"{tmp_path}/../{tmp_path.name}/a.wav")
    assert told == f"--save would write over {path}, which the caller is to say; name another file.\n"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("bot.example.com/voice", "it begins with https://"),
        ("", "it begins with https://"),
        ("https://", "it begins with https://"),
        ("https:///voice", "it begins with https://"),
        ("ftp://bot.example.com/voice", "it begins with https://"),
        ("wss://bot.example.com/media/abc", "ring the webhook, https://bot.example.com."),
        ("http://bot.example.com:99999/voice", "is no address"),
        ("http://[::1/voice", "is no address"),
        ("https://bot.example.com/vo ice", "holds a blank"),
        ("https://bot.example.com/voice#x", "has a # in it"),
        ("https://bot.example.com/voice#", "has a # in it"),
        ("https://bot..example.com/voice", "has a host that can be none"),
        (f"https://{'a' * 64}.com/voice", "has a host that can be none"),
        ("http://256.1.1.1:8080/voice", "has a host that can be none"),
        ("https://bot.example.com/\x1b[31m", "holds a blank"),
    ],
)
def test_what_is_no_address_is_told_before_the_call(url: str, words: str) -> None:
    told = refused(url)
    assert words in told
    assert "\x1b" not in told


def test_a_good_address_is_tried() -> None:
    assert bad_url("https://bot.example.com/a/voice") == ""
    assert bad_url("http://127.0.0.1:8080/voice?x=1") == ""


@pytest.mark.parametrize("limit", ["nan", "inf", "0", "-1", "1e300"])
def test_a_limit_that_is_none_is_refused(limit: str) -> None:
    assert "--limit" in refused("http://127.0.0.1:1/voice", "--limit", limit)


@pytest.mark.parametrize("name", ["missing.wav", ".", "empty.wav", "text.wav"])
def test_what_the_caller_is_to_say_is_read_before_the_call(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_bytes(b"\x00\xff no sound")
    assert name.removesuffix(".wav").strip(".") in refused("http://127.0.0.1:1/voice", "--audio", str(tmp_path / name))
