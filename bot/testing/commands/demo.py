"""`bot demo`: the real server, a simulated session and a simulated caller with a recorded voice, over real sockets.

Who plays is a `Cast`: the line test here, which understands nothing, or one from elsewhere that does.
"""

from __future__ import annotations

import secrets
import shlex
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bot.audio.prompts import prompt
from bot.config import Settings, load_settings
from bot.observe import logging
from bot.recording.files.recorder import Recorder
from bot.server.bookkeeping.store_service import keeping, prepare
from bot.server.directory.live_calls import LiveCalls
from bot.server.http.app import running
from bot.server.http.app_keys import CALLS, Mount
from bot.testing.commands.line_test import LineTestAgent
from bot.testing.commands.live_view import LiveView
from bot.testing.commands.saved_call import save_page, save_wav
from bot.testing.dialling.dial import DialResult, dial, new_call_sid, new_stream_sid
from bot.testing.handset.callers_of_commands import CALLER_LINES, demo_script
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.script import Script
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import Behaviour, SimulatedModel
from bot.testing.model.server import Factory, SimulatedRealtimeServer

LIMIT_S = 90.0
WRITTEN_S = 10.0


class Cast(NamedTuple):
    """`sessions` makes what makes the model's sessions, `caller` the script of the caller; `told` is said of them.

    `model` is what the one who answers calls itself, where a person sees it.
    """

    sessions: Callable[[], AbstractAsyncContextManager[Factory]]
    caller: Callable[[], Script]
    told: str
    model: str


@dataclass(frozen=True)
class Demonstration:
    """Files that the demo left behind. `problems` is empty when all went as it should."""

    wav: Path
    fixture: Path
    page: Path
    problems: tuple[str, ...]


@asynccontextmanager
async def rehearsal_server(
    directory: Path, sessions: Factory, *, port: int = 0, mounts: Sequence[Mount] = (), model: str = ""
) -> AsyncIterator[tuple[LiveCalls, Settings]]:
    """The real server on `port`, 0 for any, with simulated sessions behind it and a random auth token.

    With pages mounted it also keeps a call store, which they show. `model` is the name that they show of who answers.
    """
    sock = socket.create_server(("127.0.0.1", port))
    port = sock.getsockname()[1]
    async with SimulatedRealtimeServer(sessions) as upstream:
        settings = load_settings(
            {
                "OPENAI_API_KEY": "simulated-key",
                "OPENAI_REALTIME_URL": upstream.url,
                "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
                "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                "BOT_RECORD": "fixture",
                "BOT_RECORD_DIR": str(directory),
                **({"OPENAI_REALTIME_MODEL": model, "BOT_TRANSCRIPTION_MODEL": model} if model else {}),
            }
        )
        async with AsyncExitStack() as stack:
            if mounts:
                await prepare(settings)
            kept = await stack.enter_async_context(keeping(settings)) if mounts else None
            app, _ = await stack.enter_async_context(running(settings, sock=sock, keeping=kept, mounts=mounts))
            yield app[CALLS], settings


@asynccontextmanager
async def _line_test_sessions() -> AsyncIterator[Factory]:
    yield _line_test


def _line_test(model: str) -> SimulatedModel:
    """The line test; what its caller says is known beforehand, so it can be written down."""
    words = [prompt(name).text for name in CALLER_LINES]
    return SimulatedModel(LineTestAgent(), Behaviour(caller_words=words, transcription_after_ms=200), model=model)


LINE_TEST = Cast(
    _line_test_sessions,
    demo_script,
    "A simulated caller rings the real server; the session behind it is simulated too.",
    "line-test",
)


async def demonstrate(directory: Path, console: Console, cast: Cast = LINE_TEST) -> Demonstration:
    """One whole call, shown as it happens, its souvenirs in `directory`, which exists."""
    logging.configure("error", "console")
    recorders: list[Recorder] = []
    async with cast.sessions() as sessions, rehearsal_server(directory, sessions) as (calls, settings):
        view = LiveView(console)
        calls.directory.on_start.append(view.watch)
        calls.directory.on_start.append(lambda live: recorders.extend(filter(None, [live.bridge.recorder])))
        ids = StreamIds(account_sid=settings.twilio_account_sid, call_sid=new_call_sid(), stream_sid=new_stream_sid())
        phone = SimulatedPhone(ids, script=cast.caller())
        result = await dial(f"{settings.public_url}/voice", phone, auth_token=settings.auth_tokens[0], limit_s=LIMIT_S)
    problems = _problems(result, phone, recorders)
    wav, page = directory / "call.wav", directory / "call.html"
    save_wav(phone, wav)
    files = dict(recorders[0].made()) if recorders else {}
    fixture = files.get("fixture", directory)
    if not problems:
        save_page(fixture, page)
    return Demonstration(wav, fixture, page, tuple(problems))


def what_next(left: Demonstration) -> list[str]:
    """Suggestions for somebody who has seen the demo, a line each."""
    fixture = shlex.quote(str(left.fixture))
    return [
        f"Next: open {left.page} in a browser, which plays the call, or read it here and prove it:",
        f"  bot show {fixture}",
        f"  bot replay {fixture}",
        "Call the bot yourself from a browser: `bot demo --page`.",
        "A bot of your own without a key: `bot model` is a simulated session, and says what to set for `bot serve`.",
        "A real call: `cp .env.example .env`, fill it in, and let `bot check --env-file .env` say what is missing.",
    ]


def _problems(result: DialResult, phone: SimulatedPhone, recorders: list[Recorder]) -> list[str]:
    problems = list(result.violations)
    if result.ending != "hangup" or result.failure or result.hung_up_by != "bot":
        problems.append(f"The call ended with {result.ending} by the {result.hung_up_by or 'line'} {result.failure}.")
    if not phone.clears:
        problems.append("The caller interrupted, and the bot talked on.")
    if not recorders or not recorders[0].wait(WRITTEN_S) or recorders[0].failed:
        problems.append("The call's fixture could not be written.")
    return problems
