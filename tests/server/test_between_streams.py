"""A process goes while its callers have no stream: a person is rung, keys are pressed, they wait with music.

All are of one process with another beside it, and Twilio is the simulated one, which calls, rings and plays.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bot.call.handoff.transfer import TRANSFER_CALL
from bot.realtime.session import SEND_DIGITS
from bot.server.http.put_through.verdict import TOLD, WHY
from bot.server.shared.resumption import DIGITS_IN_DOUBT
from bot.testing import SimulatedTwilio
from bot.testing.agent import Pacing, Reply, ScriptedAgent, Spoken, ToolCall, pattern
from bot.testing.handset.phone import SimulatedPhone
from bot.testing.handset.twilio_texts import StreamIds
from bot.testing.twilio.calls.network import Alert, OwnNumber
from bot.testing.twilio.calls.person import Act, HangsUp, Person, Speaks, does_not_answer
from bot.testing.twilio.calls.simulated_call import SimulatedCall
from tests.hooks.receiver import SECRET
from tests.server.instance import Instance, serving
from tests.server.outbound.dialled_calls import ADMIN, OURS, THEIRS
from tests.server.simulated_server import ACCOUNT, AUTH_TOKEN, until
from tests.server.test_resuming import told

CALLER, SALES, DESK = "+12025550191", "+12025550123", "+12025550124"
PACE = Pacing(speed=0, first_audio_ms=10)
PROMISE = Reply([Spoken(pattern(300, "promise"), "One moment.")], pacing=PACE)
BRIEFING = Reply([Spoken(pattern(20_000, "briefing"), "Somebody waits, and it is a long story.")], pacing=PACE)
BACK = Reply([Spoken(pattern(500, "back"), "Here I am again.")], pacing=PACE)
CLOSED_BY_US = 31921
PURPOSE = "Ask if Friday is fine."


class Phones:
    """The phones of a caller, who says a word on the first of their streams."""

    def __init__(self) -> None:
        self.made: list[SimulatedPhone] = []

    def __call__(self, ids: StreamIds) -> SimulatedPhone:
        phone = SimulatedPhone(ids)
        if not self.made:
            phone.say(pattern(300, "a word"), 100_000)
        self.made.append(phone)
        return phone


def asks_for(function: str, **arguments: str) -> ScriptedAgent:
    return ScriptedAgent([Reply((), [ToolCall(function, json.dumps(arguments))], pacing=PACE), PROMISE])


async def heard(twilio: SimulatedTwilio, sound: str) -> SimulatedCall:
    """A call whose caller hears that now, and hangs up once the bot has spoken after it."""
    does = Act(after=sound), HangsUp(after="bot", in_s=1.0)
    call = twilio.call_in(CALLER, OURS, Person(does=does, name="caller", phones=Phones()))
    await until(lambda: call.ears.of_kind(sound))
    return call


async def placed(instance: Instance) -> str:
    """The SID of a call that the bot makes."""
    headers = {"Authorization": f"Bearer {ADMIN}", "Idempotency-Key": "one"}
    body = {"to": THEIRS, "purpose": PURPOSE}
    async with instance.http.post(f"{instance.origin}/calls", headers=headers, json=body) as answer:
        placed_as = await answer.json()
        assert answer.status == 201, placed_as
        return str(placed_as["id"])


def _died_with_its_process(alert: Alert) -> bool:
    """News, which nobody's call waits for, that were at the process as it was killed."""
    return alert.detail.startswith("the callback ") and alert.detail.endswith("answered with 0")


def _of_a_server_that_has_left(alert: Alert) -> bool:
    """News of a ring that came when all calls were over, and nobody was there to hear it."""
    return "/voice/status?dial=" in alert.detail and _died_with_its_process(alert)


def environment(directory: Path, twilio: SimulatedTwilio) -> dict[str, str]:
    destinations = directory / "transfer.toml"
    destinations.write_text(
        f'[sales]\nnumber = "{SALES}"\nring_seconds = 8\n[desk]\nnumber = "{DESK}"\nmode = "briefing"\n'
    )
    return {
        "TWILIO_API_URL": twilio.url, "BOT_TRANSFER": str(destinations), "BOT_SEND_DIGITS": "on", "ADMIN_TOKEN": ADMIN,
        "BOT_WEBHOOK_URL": "http://127.0.0.1:9/", "BOT_WEBHOOK_SECRET": SECRET, "BOT_GREETING": "off", "BOT_DIAL_FROM": OURS, "BOT_DIAL_ALLOW": "+1202", "BOT_DIAL_HOURS": "00:00-24:00",
    }  # fmt: skip


class Callers(NamedTuple):
    """Four people without a stream, all of one process: `owner`."""

    instance: Instance
    twilio: SimulatedTwilio
    owner: int
    rings: SimulatedCall
    waits: SimulatedCall
    presses: SimulatedCall
    rung: SimulatedCall

    async def over(self, expected: Callable[[Alert], bool]) -> None:
        """Wait for the end of each; the last that they hear is the bot, and all alerts are such as are `expected`."""
        for one in self[3:]:
            await one.until_over()
            assert (one.failure, one.ears.heard[-1].kind) == (None, "bot"), one.name
        assert [one for one in self.twilio.alerts if one.code != CLOSED_BY_US and not expected(one)] == []
        assert self.presses.ears.of_kind("keys") == ["12"]

    def told_why(self) -> list[str]:
        """Words to the sessions that carry the calls on, on why they do."""
        later = range(5, len(self.instance.model.sessions))
        return [text for number in later for role, text in told(self.instance, number) if role == "system"]


@asynccontextmanager
async def between_streams(directory: Path, *, killed: bool = False) -> AsyncIterator[Callers]:
    """Callers who hear the line ring, music, or keys being pressed; and somebody whose telephone rings."""
    agents = iter(
        [
            asks_for(TRANSFER_CALL, destination="sales", summary="A boat."),
            asks_for(TRANSFER_CALL, destination="desk", summary="A boat."),
            ScriptedAgent([BRIEFING]),
            asks_for(SEND_DIGITS, digits="1WWWWWWWWWWWW2"),
        ]
    )
    people = {
        SALES: does_not_answer(),
        DESK: Person(0.5, does=(Speaks(text="Hello?", in_s=0.2), HangsUp(after="bot", in_s=12.0)), name="person"),
        THEIRS: Person(12.0, does=(Speaks(text="Hello?", in_s=0.2), HangsUp(after="bot", in_s=1.0)), name="callee"),
    }
    account = SimulatedTwilio(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, numbers=(OURS,), people=people, pace=0.5)
    async with account as twilio:
        settings = environment(directory, twilio)
        async with serving(directory, BACK, killed=killed, agents=agents, **settings) as instance:
            voice = instance.settings.public_url + "/voice"
            twilio.network.via, twilio.network.numbers[OURS] = instance.origin, OwnNumber(voice, f"{voice}/status")
            owner, _ = sorted(instance.workers)
            with instance.only(owner):
                rings, waits = await heard(twilio, "ringing"), await heard(twilio, "music")
                await until(lambda: twilio.leg_to(DESK).ears.of_kind("bot"))
                presses = await heard(twilio, "keys")
                rung = twilio.calls[await placed(instance)]
                await until(lambda: instance.stored(f"SELECT 1 FROM calls WHERE sid = '{rung.sid}'"))
                await until(lambda: instance.stored("SELECT 1 FROM events WHERE name = 'digits_sent'"))
            yield Callers(instance, twilio, owner, rings, waits, presses, rung)


async def test_callers_whose_process_is_killed_are_back_with_the_bot_which_knows_why(tmp_path: Path) -> None:
    async with between_streams(tmp_path, killed=True) as callers:
        instance, twilio = callers.instance, callers.twilio
        before = len(twilio.webhooks)
        os.kill(callers.owner, signal.SIGKILL)
        await callers.over(_died_with_its_process)
        heard_of = [200 <= one.status < 300 for one in twilio.webhooks[before:]]
        assert heard_of[-1]
        assert heard_of == sorted(heard_of)  # what died were the first
        no_answer, not_taken = (
            TOLD.format(destination=name, why=WHY[why]) for name, why in (("sales", "no_answer"), ("desk", "not_taken"))
        )
        assert sorted(callers.told_why()) == sorted([no_answer, not_taken, DIGITS_IN_DOUBT])
        assert PURPOSE in instance.model.sessions[-1].session["instructions"]
        ends = f"SELECT reason, leg FROM calls WHERE ended_at IS NOT NULL AND sid != '{twilio.leg_to(DESK).sid}'"
        await until(lambda: instance.stored(ends) == [("caller_hung_up", 1)] * 4)
        told_of = "SELECT kind, count(*), count(DISTINCT call_sid) FROM outbox GROUP BY kind ORDER BY kind"
        await until(
            lambda: instance.stored(told_of) == [("call.dialled", 3, 3), ("call.ended", 5, 5), ("call.started", 5, 5)]
        )


async def test_a_server_that_is_stopped_stays_for_all_of_them(tmp_path: Path) -> None:
    async with between_streams(tmp_path) as callers:
        callers.instance.process.terminate()
        await callers.over(_of_a_server_that_has_left)
        assert [why.partition(", but")[2][:12] for why in callers.told_why()] == [" nobody answ", " somebody, o"]
        assert len(callers.instance.model.sessions) == 7  # the others have gone on with their own
        assert await callers.instance.exit() == 0
