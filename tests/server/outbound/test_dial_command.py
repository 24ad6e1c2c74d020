"""`bot dial`, against a running server."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from bot.testing.model import Behaviour
from tests.server.outbound.dialled_calls import ADMIN, HELLO, THEIRS, Outbound, ended, outbound
from tests.server.simulated_server import until
from tests.warm import Heard


def bot_dial(out: Outbound, *words: str, token: str = ADMIN) -> Heard:
    port = out.desk.origin.rpartition(":")[2]
    return Heard("dial", *words, env={**os.environ, "ADMIN_TOKEN": token, "PORT": port, "HOST": "127.0.0.1"})


async def told(dialling: Heard) -> tuple[int, list[str], str]:
    done = await asyncio.to_thread(dialling.out)
    return done.returncode, done.stdout.splitlines(), done.stderr


async def test_a_call_is_followed_from_the_first_ring_to_its_end(tmp_path: Path) -> None:
    async with outbound(tmp_path, None, Behaviour(caller_words=("Hello?",), transcription_after_ms=100)) as out:
        dialling = bot_dial(out, THEIRS, "--purpose", "Confirm the table.")
        await until(lambda: out.twilio.calls and len(out.desk.calls.directory))
        (call,) = out.twilio.calls.values()
        phone = out.phone(call)
        phone.say(HELLO, 100_000)
        phone.hang_up(5_000_000)
        await out.pick_up(call, phone)
        await ended(out.desk)
        code, lines, err = await told(dialling)
        assert (code, err) == (0, "")
        assert lines[0] == f"It rings: {call.sid}."
        assert lines[1] == "A person has answered."
        assert lines[-1].startswith("The call has ended after 0:0")
        assert "caller_hung_up" in lines[-1]
        assert len(lines) == 3


async def test_a_line_that_is_busy_is_exit_code_1(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        dialling = bot_dial(out, THEIRS)
        await until(lambda: out.twilio.calls and len(out.desk.calls.directory))
        await out.progress(next(iter(out.twilio.calls.values())), "busy")
        code, lines, err = await told(dialling)
        assert (code, lines[1], err) == (1, "The line is busy.", "")


async def test_what_can_t_be_dialled_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        code, lines, err = await told(bot_dial(out, "+19005551234"))
        assert (code, lines) == (1, [])
        assert err == "Nobody was dialled: premium-rate numbers are never dialled.\n"
        code, _, err = await told(bot_dial(out, "2025550142"))
        assert (code, err.count("\n")) == (2, 1)
        code, _, err = await told(bot_dial(out, THEIRS, token="a-wrong-token-for-it"))
        assert (code, err) == (1, "Nobody was dialled: show ADMIN_TOKEN as a bearer token.\n")
        code, _, err = await told(bot_dial(out, THEIRS, token=""))
        assert (code, "ADMIN_TOKEN is not set" in err) == (2, True)
        code, _, err = await told(bot_dial(out, THEIRS, "--url", "http://127.0.0.1:9"))
        assert (code, err.startswith("No server answers at 127.0.0.1:9")) == (1, True)
        assert out.twilio.asked == []


async def test_nobody_waits_who_does_not_want_to(tmp_path: Path) -> None:
    async with outbound(tmp_path) as out:
        code, lines, _ = await told(bot_dial(out, THEIRS, "--no-wait", "--key", "k1"))
        again, same, _ = await told(bot_dial(out, THEIRS, "--no-wait", "--key", "k1"))
        assert (code, again, lines) == (0, 0, same)
        (call,) = out.twilio.calls.values()
        await out.progress(call, "no-answer")
        await ended(out.desk)
