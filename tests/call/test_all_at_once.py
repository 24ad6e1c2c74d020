"""Calls at random in which tools, keys, digits, hang-ups, transfers, limits, lost sessions, operators who take the call
over and calls that we make meet.

Whatever comes in whatever order: one output for each function call, one response at a time and none over the caller, no
word to a session that is not there, nothing to hear for a machine, nothing of the bot's while an operator speaks, nobody
hung up on unheard, and an end.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bot.call.conversation.floor import HUSHED
from bot.call.handoff.transfer import TRANSFER_CALL
from bot.call.inputs import (
    AnswerVerdict,
    BeepHeard,
    DailySpend,
    DialFailed,
    HandBack,
    Hint,
    ModelClosed,
    OperatorAudio,
    PhoneFull,
    PhoneRoom,
    SecretKey,
    SessionWaiting,
    TakeOver,
    Tick,
    ToolDone,
    TransferChecked,
    TransferWanted,
)
from bot.call.machines import GreetingStage, OperatorStage
from bot.call.outputs import (
    Adopt,
    CancelTool,
    CheckTransfer,
    Dial,
    Drop,
    DropKeys,
    End,
    HideKeys,
    LeaveStream,
    Report,
    RunTool,
    Transfer,
)
from bot.call.settings import CallSettings, KeypadRules, Money, Outgoing, SecretRules, Shortcut, ToolRules
from bot.call.states import State
from bot.call.transcript.past_turns import PastTurn
from bot.realtime import events
from bot.realtime.session import END_CALL, SEND_DIGITS, SEND_DIGITS_TOOL, SessionSettings
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    ScriptedCall,
    audio,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    pressed,
    speaks,
    start,
    stops,
    updated,
)

TOOLS = (
    ToolRules("plain", timeout_s=3),
    ToolRules("stopped", interruptible=True, at_hang_up="cancel", meanwhile="Wait."),
    ToolRules("single", once=True, duplicates="refuse_name", meanwhile="filler"),
    ToolRules("asked", approval="key", meanwhile="nothing"),
    ToolRules("secret", secret=SecretRules(least=2, most=3)),
    ToolRules("both", approval="key", secret=SecretRules(least=1, most=2)),
)
NAMES = [*(one.name for one in TOOLS), "cancel_tool", "unknown", END_CALL, TRANSFER_CALL, SEND_DIGITS]
ARGUMENTS = ['{"destination": "sales", "digits": "1w2"}'] * 3 + ["{bad"]
ACTS = [
    *[
        "lost",
        "lost",
        "taken",
        "taken",
        "taken",
        "over",
        "cancelled",
        "speaks",
        "stops",
        "sound",
        "sound",
        "given",
        "words",
    ],
    *[
        "key 0",
        "key 1",
        "key 2",
        "key 5",
        "secret digit",
        "secret finish",
        "secret cancel",
        "checked",
        "refused",
        "back",
    ],
    *["respond"] * 8,
    *[
        "verdict human",
        "verdict machine_start",
        "verdict machine_end_beep",
        "beep",
        "hint",
        "spent",
        "echoes",
        "echoes",
    ],
    *["take", "take", "voice", "voice", "voice", "back", "left", "transfer"],
    *["confirmed", "confirmed", "update_refused", "dial_failed", "full", "room"],
]
SAID = ["Hello.", "Please say your name and why you're calling.", "Leave a message after the beep.", "Sales, please."]
SEEDS = 3
"""Groups of sixty calls of sixty steps each."""
TO_THE_MODEL = (
    events.CreateItem,
    events.DeleteItem,
    events.TruncateItem,
    events.CreateResponse,
    events.CancelResponse,
    events.AppendAudio,
    events.UpdateSession,
)


def settings(rng: random.Random) -> CallSettings:
    outgoing = Outgoing(message=rng.choice(["", "Call us."])) if rng.random() < 0.3 else None
    past = (PastTurn(1, "bot", "Hello."), PastTurn(2, "caller", "A table."))
    greeting = rng.choice(["", "Hello."])
    return CallSettings(
        session=SessionSettings(
            tools=(SEND_DIGITS_TOOL,),
            transcription_model="gpt-4o-transcribe",
            dialect=rng.choice(["openai", "openai", "openai", "xai"]),  # type: ignore[arg-type]
        ),
        greeting=greeting,
        greeting_audio=audio(1_500) if greeting and outgoing is None and rng.random() < 0.3 else "",
        tools=TOOLS,
        filler_audio=audio(400),
        apology_audio=audio(300),
        destinations=("sales",),
        outgoing=outgoing,
        barge_in=rng.choice(["on", "on", "after_greeting", "off"]),  # type: ignore[arg-type]
        max_call_s=rng.choice([20, 60]),
        idle_s=rng.choice([0, 4]),
        money=Money(daily_cap=100),
        resume=past if rng.random() < 0.15 else (),
        keypad=KeypadRules(shortcuts=(Shortcut("0", TRANSFER_CALL, '{"destination": "sales"}'), Shortcut("5", "both"))),
    )


def steps(rng: random.Random) -> Iterator[tuple[str, int]]:
    for _ in range(60):
        kind = rng.choice(["wait", "wait", "act", "act", "act", "call", "call", "answer"])
        if kind == "wait":
            yield "wait", rng.choice([50, 300, 1_000, 3_000])
            yield rng.choice(["taken", "respond", "respond", "over", "echoes"]), 0
        elif kind == "act":
            yield rng.choice(ACTS), rng.randrange(len(SAID))
        elif kind == "call":
            yield "call", rng.randrange(len(NAMES) * len(ARGUMENTS))
        else:
            yield kind, rng.randint(0, 1)


class Peers:
    """Both sides and the shell: they do what they may, and check what they are sent."""

    def __init__(self, chosen: CallSettings, *, late: bool) -> None:
        self.desk = ScriptedCall(chosen, ready=False)
        self.chosen = chosen
        self.active, self.asked, self.speaking, self.there = "", False, False, False
        self.numbers: Counter[str] = Counter()
        self.known: set[str] = set()
        self.outputs: Counter[str] = Counter()
        self.ran: Counter[str] = Counter()
        self.running: list[str] = []
        self.unconfirmed: list[str] = []
        self.checking: list[str] = []
        self.updates: list[str] = []
        """Updates of the session that it has not confirmed, in the order in which it does."""
        self.hidden = ""
        self.away = False
        self.lost = self.dialled = False
        self.ones = 0
        self.streams = 1
        self.log: list[str] = []
        self.give(start())
        if not late:
            self.opened()

    def opened(self) -> None:
        if not self.there:
            self.there = True
            self.give(events.SessionCreated(SESSION))
            self.updates.pop(0)
            self.give(updated())

    # ---- what the call says ----

    def give(self, *inputs: Any) -> None:
        floor = self.desk.call._parts.floor
        for one in inputs:
            if not isinstance(one, Tick):
                self.log.append(f"{self.desk.now_us // MS} > {str(one)[:200]}")
            hushed = floor.answer_stage in HUSHED
            talking = (
                self.speaking and self.desk.call.state is State.HEARING and floor.greeting_stage is GreetingStage.HEARD
            )
            theirs = floor.operator_stage is OperatorStage.SPEAKING
            for out in self.desk.raw(one):
                if not isinstance(out, (events.AppendAudio, stream.SetMark)):
                    self.log.append(f"{self.desk.now_us // MS} < {str(out)[:200]}")
                self.took(out)
                if theirs and floor.operator_stage is OperatorStage.SPEAKING:
                    assert not isinstance(out, events.CreateResponse), "nobody is to answer but the operator"
                    voice = isinstance(one, OperatorAudio | PhoneRoom) and isinstance(
                        out, stream.PlayMedia | stream.SetMark
                    )
                    assert voice or not isinstance(out, stream.PlayMedia | stream.Clear), (
                        "it is heard over the operator"
                    )
                if isinstance(out, stream.PlayMedia):
                    assert floor.notice_heard or not isinstance(one, OperatorAudio)
                    assert not self.away, "it is heard by nobody"
                    assert not (hushed and floor.answer_stage in HUSHED), "it is heard by a machine"
                    held = isinstance(one, PhoneRoom)  # perhaps a greeting that was given up for noise without an end
                    own = talking and self.speaking and not theirs and not held
                    assert not (own and self.chosen.barge_in == "on"), "over the caller"

    def took(self, out: object) -> None:
        if isinstance(out, TO_THE_MODEL):
            assert self.there, "it is sent to nobody"
        if isinstance(out, Report) and out.event == "session_lost":
            self.lost, self.there, self.active, self.asked, self.speaking = True, False, "", False, False
            self.updates = []
        elif isinstance(out, RunTool):
            self.ran[out.call_id] += 1
            assert self.ran[out.call_id] == 1
            self.running.append(out.call_id)
            self.hidden = "" if out.call_id == self.hidden else self.hidden
            self.ones -= out.name in {"asked", "both"}
            assert self.ones >= 0, "nobody approved of it"
        elif isinstance(out, CancelTool):
            self.running.remove(out.call_id)
        elif isinstance(out, HideKeys):
            assert not self.hidden
            self.hidden = out.call_id
        elif isinstance(out, DropKeys):
            assert self.hidden == out.call_id
            self.hidden = ""
        elif isinstance(out, CheckTransfer):
            self.checking.append(out.call_id)
        elif isinstance(out, LeaveStream):
            assert not self.hidden
            self.away = True
        elif isinstance(out, events.CreateResponse):
            assert not self.active
            assert not self.asked
            assert not self.speaking
            assert not self.hidden
            self.asked = True
        elif isinstance(out, events.CreateItem):
            self.item(out.item)
        elif isinstance(out, events.UpdateSession):
            self.updates.append(out.event_id or "")
        elif isinstance(out, (Dial, Drop)):
            self.dialled = isinstance(out, Dial)
        elif isinstance(out, Adopt):
            self.known, self.outputs, self.active, self.asked, self.speaking = set(), Counter(), "", False, False
            self.unconfirmed, self.updates, self.there, self.lost = [], [], False, False
        elif isinstance(out, End):
            self.ends(out)

    def item(self, item: dict[str, Any]) -> None:
        call_id = item.get("call_id", "")
        if item["type"] == "function_call":
            assert call_id not in self.known
            self.known.add(call_id)
        elif item["type"] == "function_call_output":
            assert call_id in self.known
            self.outputs[call_id] += 1
            assert self.outputs[call_id] == 1
            self.unconfirmed.append(call_id)

    def ends(self, out: End) -> None:
        call = self.desk.call
        said = any(turn.who == "caller" for turn in call.transcript.turns) or call.counts["keys"]
        assert (out.reason == "transferred") is bool(self.desk.sent(Transfer))
        if out.reason in {"bot_hung_up", "transferred"}:
            assert said or self.chosen.outgoing or self.numbers["wish"], "nobody was heard"

    # ---- what they do ----

    def do(self, what: str, value: int) -> None:
        if self.desk.call.ended is None:
            act, _, of = what.partition(" ")
            getattr(self, f"do_{act}")(of, value)
        if self.desk.call.ended is None and self.there:
            pending = self.desk.call.session.turn_ownership._pending
            assert list(pending) == self.updates, "it waits for what will not be confirmed"

    def do_wait(self, _: str, ms: int) -> None:
        until_us, same = self.desk.now_us + ms * MS, 0
        while self.desk.call.ended is None and (due_us := self.desk.call.deadline_us or 2**63) <= until_us:
            same = same + 1 if due_us <= self.desk.now_us else 0
            assert same < 8, "something is due for ever"
            self.desk.now_us = max(due_us, self.desk.now_us)
            self.give(Tick())
        self.desk.now_us = until_us

    def do_lost(self, _: str, value: int) -> None:
        if self.there and value == 0:
            self.give(ModelClosed("closed", 1006))

    def do_taken(self, *_: Any) -> None:
        if self.lost and self.dialled:
            self.dialled = False
            self.give(SessionWaiting())
        if self.desk.call.ended is None and not self.lost:
            self.opened()

    def do_dial_failed(self, _: str, value: int) -> None:
        if self.dialled:
            self.dialled = False
            self.give(DialFailed("bad_key" if value == 0 else "timeout"))

    def do_confirmed(self, *_: Any) -> None:
        if self.updates:
            self.updates.pop(0)
            self.give(updated())

    def do_update_refused(self, *_: Any) -> None:
        if self.updates:
            self.give(error("invalid_value", self.updates.pop(0)))

    def do_full(self, *_: Any) -> None:
        self.give(PhoneFull())

    def do_room(self, *_: Any) -> None:
        self.give(PhoneRoom())

    def do_respond(self, *_: Any) -> None:
        own = self.chosen.barge_in == "on" and not self.speaking
        if self.there and not self.active and (self.asked or own):
            self.numbers["R"] += 1
            self.active, self.asked = f"R{self.numbers['R']}", False
            self.give(created(self.active))

    def do_over(self, *_: Any, status: str = "completed") -> None:
        if self.active:
            over, self.active = self.active, ""
            self.give(delta(over, f"B{over}", 100))
            if self.desk.call.ended is None:
                self.give(done(over, status))

    def do_cancelled(self, *_: Any) -> None:
        self.do_over(status="cancelled")

    def do_sound(self, *_: Any) -> None:
        if self.active:
            self.give(delta(self.active, f"A{self.active}", 400))

    def do_speaks(self, *_: Any) -> None:
        if self.there and not self.speaking and not self.away:
            self.speaking = True
            self.give(speaks())

    def do_stops(self, *_: Any) -> None:
        if self.speaking:
            self.speaking = False
            self.give(stops(), committed(f"U{self.desk.now_us}"))

    def do_words(self, _: str, value: int) -> None:
        turns = [turn.item_id for turn in self.desk.call.transcript.turns if turn.who == "caller" and turn.text is None]
        if turns and self.there:
            self.give(events.CallerTranscript(turns[-1], SAID[value]))

    def do_call(self, _: str, value: int) -> None:
        if self.active:
            self.numbers["call"] += 1
            call_id = f"call_{self.numbers['call']}"
            self.known.add(call_id)
            name, arguments = NAMES[value % len(NAMES)], ARGUMENTS[value // len(NAMES)]
            item = events.Item(f"F{call_id}", "function_call", None, "completed", name, call_id, arguments)
            self.give(events.OutputItemDone(self.active, item), events.OutputItemDone(self.active, item))

    def do_answer(self, _: str, value: int) -> None:
        if self.running:
            self.give(ToolDone(self.running.pop(0), "{}", respond=bool(value)))

    def do_given(self, *_: Any) -> None:
        if self.unconfirmed and self.there:
            item = events.Item("O", "function_call_output", call_id=self.unconfirmed.pop(0))
            self.give(events.ItemAdded(item))

    def do_key(self, key: str, _: int) -> None:
        if not self.away and not self.hidden:
            self.ones += key == "1"
            self.give(pressed(key, self.sid))

    def do_secret(self, kind: Any, _: int) -> None:
        if self.hidden:
            self.give(SecretKey(self.hidden, kind))

    def do_checked(self, *_: Any, refused: str = "") -> None:
        if self.checking:
            self.give(TransferChecked(self.checking.pop(0), refused))

    def do_refused(self, *_: Any) -> None:
        self.do_checked(refused="Closed.")

    @property
    def sid(self) -> str:
        return f"MZ{self.streams}"

    def do_back(self, *_: Any) -> None:
        self.give(HandBack())
        if self.away:
            self.away = False
            self.streams += 1
            self.give(start(sid=self.sid))

    def do_verdict(self, by: Any, value: int) -> None:
        if self.chosen.outgoing and value == 0:
            self.give(AnswerVerdict(by))

    def do_beep(self, _: str, value: int) -> None:
        if self.chosen.outgoing and value == 0:
            self.give(BeepHeard(1_000, 300))

    def do_hint(self, *_: Any) -> None:
        self.give(Hint("Offer them the afternoon."))

    def do_take(self, *_: Any) -> None:
        self.give(TakeOver("Ada"))

    def do_voice(self, *_: Any) -> None:
        for _ in range(10):
            self.give(OperatorAudio(audio(20)))

    def do_left(self, *_: Any) -> None:
        self.give(HandBack("left"))

    def do_transfer(self, *_: Any) -> None:
        if self.desk.call.operator[0] is OperatorStage.SPEAKING:
            self.numbers["wish"] += 1
            self.desk.now_us += 1
            self.give(TransferWanted("sales"))

    def do_spent(self, _: str, value: int) -> None:
        self.give(DailySpend((10, 50, 85, 100)[value]))

    def do_echoes(self, *_: Any) -> None:
        ledger = self.desk.call.playout.ledger
        if (ledger.end_us() or 0) <= self.desk.now_us:
            for mark in list(ledger._marks):
                if self.desk.call.ended is None and not self.away:
                    self.give(echo(mark.name, self.sid))

    # ---- the end ----

    def finish(self) -> None:
        """Everything comes to its end, and so does the call, by itself."""
        for what in ("room", "taken", "back", "stops", "over", "checked"):
            self.do(what, 0)
        for _ in range(40):
            for what in ("confirmed", "echoes", "taken", "back", "stops", "respond", "over", "answer"):
                self.do(what, 0)
            self.do("wait", 5_000)
        call = self.desk.call
        assert call.ended is not None
        assert not self.desk.raw(Tick()), "something after the end"
        if self.there and not self.active and call.ended not in {"bot_hung_up", "transferred", "line_lost"}:
            calls = {one.call_id: one for one in call._parts.functions.calls}
            answered = {call_id for call_id in self.known if call_id in calls and not calls[call_id].open}
            told = {call_id for call_id in answered if calls[call_id].name != END_CALL}
            assert {call_id: self.outputs[call_id] for call_id in told} == dict.fromkeys(told, 1)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_must_hold_holds_whatever_meets(seed: int) -> None:
    ends: Counter[str] = Counter()
    for number in range(60):
        ends.update(one_call(seed * 1_000 + number))
    assert len(ends) >= 5, ends  # or nothing was looked at


def one_call(seed: int) -> list[str]:
    """One call of a seed: its end, and its orders by name."""
    rng = random.Random(seed)
    peers = Peers(settings(rng), late=rng.random() < 0.2)
    try:
        for what, value in steps(rng):
            peers.do(what, value)
        peers.finish()
    except BaseException as error:
        error.add_note(f"seed {seed}\n" + "\n".join(peers.log[-60:]))
        raise
    orders = (RunTool, HideKeys, LeaveStream, Transfer, CancelTool)
    return [str(peers.desk.call.ended), *{type(one).__name__ for one in peers.desk.outputs if isinstance(one, orders)}]
