"""Whatever happens, in whatever order: each function call gets one output in each session that knows it, and no more.

And of two responses none is asked for while the other is being made, nor over a caller who speaks.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from bot.call.inputs import ModelClosed, SessionWaiting, Tick, ToolDone
from bot.call.outputs import Adopt, CancelTool, RunTool
from bot.call.settings import CallSettings, ToolRules
from bot.realtime import events
from bot.twilio import stream
from tests.call.scripted_call import (
    MS,
    SESSION,
    SID,
    ScriptedCall,
    audio,
    committed,
    created,
    delta,
    done,
    speaks,
    stops,
    updated,
)

TOOLS = (
    ToolRules("plain", timeout_s=3),
    ToolRules("stopped", interruptible=True, at_hang_up="cancel", meanwhile="Wait."),
    ToolRules("single", once=True, duplicates="refuse_name", meanwhile="filler"),
    ToolRules("asked", approval="key", meanwhile="nothing"),
)
NAMES = [*(one.name for one in TOOLS), "cancel_tool", "unknown"]
ARGUMENTS = ["{}", '{"name": "plain"}', "{bad", "[]"]
ACTS = [
    *["lost"] * 2,
    "over",
    "cancelled",
    "speaks",
    "stops",
    *["taken"] * 4,
    "sound",
    "given",
    "key 1",
    "key 2",
    *["respond"] * 8,
]
SEEDS = 4
"""Groups of fifty calls of forty steps each."""


def steps(rng: random.Random) -> Iterator[tuple[str, int]]:
    for _ in range(40):
        kind = rng.choice(["wait", "act", "call", "answer", "silent", "act", "call"])
        if kind == "wait":
            yield "wait", rng.choice([50, 300, 1_000, 3_000])
        elif kind == "act":
            yield rng.choice(ACTS), 0
        elif kind == "call":
            yield "call", rng.randrange(len(NAMES) * len(ARGUMENTS))
        else:
            yield kind, rng.randint(0, 1)


class Peer:
    """A session that may do anything a server may, and checks what it is sent."""

    def __init__(self) -> None:
        self.desk = ScriptedCall(CallSettings(tools=TOOLS, filler_audio=audio(400)))
        self.active = ""
        self.asked = False
        self.speaking = False
        self.numbers: Counter[str] = Counter()
        self.known: set[str] = set()
        self.outputs: Counter[str] = Counter()
        self.running: list[str] = []
        self.unconfirmed: list[str] = []
        self.lost = False

    def give(self, *inputs: object) -> None:
        for one in inputs:
            for out in self.desk.raw(one):  # type: ignore[arg-type]
                self.took(out)

    def took(self, out: object) -> None:
        if isinstance(out, RunTool):
            self.running.append(out.call_id)
        elif isinstance(out, CancelTool):
            self.running.remove(out.call_id)
        elif isinstance(out, events.CreateResponse):
            assert not self.active
            assert not self.asked
            assert not self.speaking
            self.asked = True
        elif isinstance(out, events.CreateItem):
            assert not self.lost, "it is sent to nobody"
            call_id = out.item.get("call_id")
            if out.item["type"] == "function_call":
                assert call_id not in self.known
                self.known.add(call_id)
            elif out.item["type"] == "function_call_output":
                assert call_id in self.known
                self.outputs[call_id] += 1
                assert self.outputs[call_id] == 1
                self.unconfirmed.append(call_id)
        elif isinstance(out, Adopt):
            self.known, self.outputs, self.active, self.asked, self.speaking = set(), Counter(), "", False, False
            self.unconfirmed = []

    def do(self, what: str, value: int) -> None:
        desk = self.desk
        if desk.call.ended is not None:
            return
        if what == "wait":
            self.wait(value)
        elif what == "lost" and not self.lost:
            self.lost, self.active, self.asked, self.speaking = True, "", False, False
            self.give(ModelClosed("closed", 1006))
        elif what == "taken" and self.lost:
            self.lost = False
            self.give(SessionWaiting(), events.SessionCreated(SESSION), updated())
        elif what == "respond" and not self.active and not self.speaking and not self.lost:
            self.numbers["R"] += 1
            self.active, self.asked = f"R{self.numbers['R']}", False
            self.give(created(self.active))
        elif what in {"over", "cancelled"} and self.active:
            over, self.active = self.active, ""
            self.give(delta(over, f"B{over}", 100))  # a model that says nothing is not there for long
            self.give(done(over, "completed" if what == "over" else "cancelled"))
        elif what == "sound" and self.active:
            self.give(delta(self.active, f"A{self.active}", 400))
        elif what == "speaks" and not self.speaking and not self.lost:
            self.speaking = True
            self.give(speaks())
        elif what == "stops" and self.speaking:
            self.speaking = False
            self.give(stops(), committed(f"U{desk.now_us}"))
        elif what == "call" and self.active:
            self.numbers["call"] += 1
            call_id = f"call_{self.numbers['call']}"
            self.known.add(call_id)
            name, arguments = NAMES[value % len(NAMES)], ARGUMENTS[value // len(NAMES)]
            item = events.Item(f"F{call_id}", "function_call", None, "completed", name, call_id, arguments)
            self.give(events.OutputItemDone(self.active, item), events.OutputItemDone(self.active, item))
        elif what in {"answer", "silent"} and value < len(self.running):
            self.give(ToolDone(self.running.pop(value), "{}", respond=what == "answer"))
        elif what == "given" and self.unconfirmed and not self.lost:
            self.give(events.ItemAdded(events.Item("O", "function_call_output", call_id=self.unconfirmed.pop(0))))
        elif what.startswith("key"):
            self.give(stream.Dtmf(stream.DtmfPart(what[-1]), SID))

    def wait(self, ms: int) -> None:
        until_us, same = self.desk.now_us + ms * MS, 0
        while (due_us := self.desk.call.deadline_us) is not None and due_us <= until_us:
            same = same + 1 if due_us <= self.desk.now_us else 0
            assert same < 5, "something is due for ever"
            self.desk.now_us = max(due_us, self.desk.now_us)
            self.give(Tick())
        self.desk.now_us = until_us


@pytest.mark.parametrize("seed", range(SEEDS))
def test_each_call_has_one_output_in_each_session_that_knows_it(seed: int) -> None:
    rng, outputs, lost = random.Random(seed), 0, 0
    for _ in range(50):
        peer = Peer()
        for what, value in steps(rng):
            lost += what == "lost" and bool(peer.running)
            peer.do(what, value)
        ended(peer)
        outputs += peer.outputs.total()
    assert outputs > 100  # or nothing was looked at
    assert lost


def ended(peer: Peer) -> None:
    """Give everything its end, and look at what is left."""
    peer.do("taken", 0)
    if peer.active:
        peer.do("over", 0)
    if peer.speaking:
        peer.do("stops", 0)
    peer.wait(46_000)
    if peer.desk.call.ended is None:
        assert {call_id: peer.outputs[call_id] for call_id in peer.known} == dict.fromkeys(peer.known, 1)
        assert not peer.desk.call._parts.floor.tools_running
        assert peer.running == []
