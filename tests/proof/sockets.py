"""Each situation over real sockets, in real time: `python -m tests.proof sockets [CALLS]` prints the errors in ms.

A quiet machine is wanted: what its scheduler takes is in the figures.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import tempfile
from itertools import chain
from pathlib import Path

from bot.config import load_settings
from bot.server.http.app import running
from bot.server.http.app_keys import CALLS
from bot.testing.agent import Reply, ScriptedAgent, Spoken, pattern
from bot.testing.dialling.dial import dial, new_call_sid, new_stream_sid
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.model import SimulatedModel, SpeechAt
from bot.testing.model.server import SimulatedRealtimeServer
from bot.testing.network.line import Line
from bot.testing.network.slow_line import SlowLine
from bot.testing.virtual.client_event_schema import check_client_event
from tests.proof.situations import ANSWER_AFTER_US, FAST, MS, PAUSED, QUESTION, SLOW, Situation

CROSSED = "response.cancel: response_cancel_not_active"
"""A complaint of the session: it is told to cancel what is over."""
LOOSE_MS = 150
"""Real time on a shared machine: bounds here catch a wrong item or a wrong clock, not a scheduler's mood."""


def spoken(ms: int, seed: str) -> Spoken:
    return Spoken(pattern(ms, seed), seed)


LONG, FIRST, LATER = spoken(6_000, "long"), spoken(2_000, "first"), spoken(3_000, "later")
SITUATIONS = (
    Situation("fully generated", (Reply((LONG,), pacing=FAST),), ((2_500, 2_500),)),
    Situation("still generating", (Reply((LONG,), pacing=SLOW),), ((1_500, 1_500),)),
    Situation("cut in the first", (Reply((FIRST, LATER), pacing=FAST),), ((1_300, 1_300),)),
    Situation("cut in the second", (Reply((FIRST, LATER), pacing=FAST),), ((3_000, 3_000),)),
    Situation("cut after cut", (Reply((LONG,), pacing=FAST), Reply((LATER,), pacing=FAST)), ((1_500,) * 2, (900,) * 2)),
    Situation("second turn", (Reply((LATER,), pacing=FAST),), ((1_500, 1_500),)),
    Situation("heard to its end", (Reply((FIRST,), pacing=FAST),), ((2_800, 2_800),), interrupts=False),
    Situation("generation stalled", (Reply((LONG,), pacing=SLOW, failure=PAUSED),), ((3_800, 3_800),)),
)


CUT = [one for one in SITUATIONS if one.interrupts]


def speech_of(situation: Situation) -> list[SpeechAt]:
    speech = [QUESTION]
    for at_ms, _ in situation.cuts_ms:
        at = speech[-1].stop_us + ANSWER_AFTER_US + at_ms * MS
        speech.append(SpeechAt(at, at + 300 * MS))
    return speech


async def one_call(
    situation: Situation, delay_ms: int, directory: Path, seed: str = "", *, timed: bool = True
) -> list[float]:
    """A call of its own server, session and line: what the model was told less what was played, for each cut.

    `timed` off: what is playing when somebody speaks depends on the machine, and is not judged.
    """
    speech = speech_of(situation)
    replies = [Reply((spoken(1_500, "greeting"),), pacing=FAST), *situation.replies, Reply((spoken(400, "end"),))]
    models: list[SimulatedModel] = []

    def session(model: str) -> SimulatedModel:
        made = SimulatedModel(ScriptedAgent(replies), speech=speech, model=model, check=check_client_event)
        models.append(made)
        return made

    sock = socket.create_server(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    token, account = secrets.token_hex(16), f"AC{secrets.token_hex(16)}"
    phone = SimulatedPhone(StreamIds(account_sid=account, call_sid=new_call_sid(), stream_sid=new_stream_sid()))
    phone.hang_up(speech[-1].stop_us + 1_200 * MS)
    rng = random.Random(situation.name + seed)
    out_line, in_line = (Line(delay_ms * MS, 10 * MS if delay_ms else 0, rng) for _ in range(2))
    async with SimulatedRealtimeServer(session) as upstream:
        settings = load_settings(
            {
                "OPENAI_API_KEY": "sk-test",
                "OPENAI_REALTIME_URL": upstream.url,
                "TWILIO_AUTH_TOKEN": token,
                "TWILIO_ACCOUNT_SID": account,
                "PUBLIC_URL": f"http://127.0.0.1:{port}",
                "BOT_RECORD": "fixture",
                "BOT_RECORD_DIR": str(directory),
            }
        )
        async with running(settings, sock=sock) as (app, _), SlowLine(port, out_line, in_line) as line:
            recorders = []
            app[CALLS].directory.on_start.append(lambda live: recorders.append(live.bridge.recorder))
            result = await dial(f"{settings.public_url}/voice", phone, auth_token=token, via=line.origin)
    assert result.ending == "caller_hung_up"
    assert all([await asyncio.to_thread(recorder.wait, 10) for recorder in recorders])
    return judge(situation, phone, models[0], timed=timed)


def judge(situation: Situation, phone: SimulatedPhone, model: SimulatedModel, *, timed: bool) -> list[float]:
    """The right item was truncated near to what was played, nothing was refused, nothing else was touched."""
    assert not phone.violations
    # On a busy machine a response may be over for a good while before the bot is told, which meanwhile cancels it.
    assert [one for one in model.violations if timed or not one.startswith(CROSSED)] == []
    assert all(one.accepted for one in [*model.truncations, *model.deletions])
    if not timed:
        return []
    cuts = len(situation.replies) if situation.interrupts else 0
    assert len(model.truncations) == cuts
    items = [item for reply in situation.replies for item in reply.items]
    errors = []
    for number, truncation in enumerate(model.truncations):
        clear = len(phone.clears) - cuts + number
        played = [0] * len(items)
        for message, n_bytes in zip(phone.received, phone.heard_when_cleared(clear), strict=False):
            for at, item in enumerate(items):
                if message.audio in item.audio:
                    played[at] += n_bytes
        playing = max(at for at, n_bytes in enumerate(played) if n_bytes >= 8)
        assert items[playing].audio.startswith(model.spoken(truncation.item_id))
        errors.append(truncation.audio_end_ms - played[playing] / 8)
        assert abs(errors[-1]) <= LOOSE_MS
    heard_first = situation.name == "cut in the first"
    assert len(model.deletions) == (1 if heard_first else 0)
    return errors


async def measured(calls: int) -> list[float]:
    """The errors of `calls` calls of each situation in which something is cut, at 80 ms +- 10, two at a time."""
    errors: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(calls):
            for first in range(0, len(CUT), 2):
                calls_now = [one_call(one, 80, Path(directory), str(number)) for one in CUT[first : first + 2]]
                errors += chain.from_iterable(await asyncio.gather(*calls_now))
    return errors
