"""The eight situations that bridges get wrong, as whole calls in virtual time with one random cut each.

Every call: a greeting heard to its end, a question, a reply, and the caller cutting in. What the phone truly played when
`clear` took effect is compared with what the model was told.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.testing.agent import AT_ONCE, Failure, Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.line import Line
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.phone import Echoes, SimulatedPhone
from bot.testing.scheduler import VirtualCall
from bot.twilio.playout import Playout

MS = 1_000
SECOND = 1_000_000
GREETING_MS = 2_000
QUESTION = SpeechAt(3_000 * MS, 3_400 * MS)
REPLY_US = 4_200 * MS
"""When the first audio of the reply leaves the model: the question, 500 ms of silence, 300 ms of thought."""
FAST = Pacing(speed=5)
SLOW = Pacing(speed=1.4)


@dataclass(frozen=True)
class Situation:
    """`reply` is what is cut; `cut_ms` the range of the cut, in ms after the reply's first audio."""

    name: str
    reply: Reply
    cut_ms: tuple[int, int]
    then: Reply | None = None
    second_cut_ms: tuple[int, int] | None = None
    interrupts: bool = True


def spoken(ms: int, seed: str) -> Spoken:
    return Spoken(pattern(ms, seed), f"words of {seed} " * (ms // 500))


LONG = spoken(12_000, "long")
FIRST, SECOND_ITEM = spoken(4_000, "first"), spoken(6_000, "second")

SITUATIONS: dict[str, Situation] = {
    one.name: one
    for one in (
        Situation("fully_generated", Reply((LONG,), pacing=FAST), (3_000, 11_900)),
        Situation("while_generating", Reply((LONG,), pacing=SLOW), (150, 8_000)),
        Situation("two_items_cut_in_first", Reply((FIRST, SECOND_ITEM), pacing=FAST), (2_600, 3_970)),
        Situation("two_items_cut_in_second", Reply((FIRST, SECOND_ITEM), pacing=FAST), (4_030, 9_900)),
        Situation(
            "cut_after_cut",
            Reply((LONG,), pacing=FAST),
            (1_000, 6_000),
            then=Reply((SECOND_ITEM,), pacing=FAST),
            second_cut_ms=(600, 3_000),
        ),
        Situation("second_turn", Reply((SECOND_ITEM,), pacing=FAST), (1_300, 5_900)),
        Situation("heard_to_its_end", Reply((FIRST,), pacing=FAST), (4_400, 6_000), interrupts=False),
        Situation(
            "stalled_generation",
            Reply((LONG,), pacing=SLOW, failure=Failure("pauses", after_ms=3_000, pause_ms=2_500)),
            (300, 9_000),
        ),
    )
}
"""`second_turn` is a reply after an uninterrupted one, as every reply here is; its cut must not count from the greeting."""


@dataclass(frozen=True)
class Network:
    """One-way delay and jitter of the line to the phone, and what else the sender can't see."""

    name: str = "plain"
    delay_ms: int = 0
    jitter_ms: int = 0
    prebuffer_ms: int = 0
    stall_ms: int = 0
    drift_ppm: int = 0
    echoes: Echoes = "faithful"


@dataclass
class Cut:
    """One cut as judged: stream positions in ms, told to the model and truly played, over the items of the reply."""

    situation: str
    told_ms: int
    true_ms: float
    told_item: str | None
    true_item: str | None
    since_stall_ms: float | None = None

    @property
    def error_ms(self) -> float:
        return self.told_ms - self.true_ms


@dataclass
class Outcome:
    """What a call showed. `faults` are things that must never happen, in words."""

    cuts: list[Cut] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    call: VirtualCall | None = None


def speech_of(situation: Situation, rng: random.Random) -> list[SpeechAt]:
    at = REPLY_US + rng.randint(*(edge * MS for edge in situation.cut_ms))
    speech = [QUESTION, SpeechAt(at, at + 300 * MS)]
    if situation.second_cut_ms is not None:
        answer = at + 300 * MS + 500 * MS + 300 * MS
        again = answer + rng.randint(*(edge * MS for edge in situation.second_cut_ms))
        speech.append(SpeechAt(again, again + 300 * MS))
    return speech


def run(
    situation: Situation,
    network: Network,
    rng: random.Random,
    *,
    prepare: Callable[[Call], None] | None = None,
    check: Callable[[str], None] | None = None,
) -> Outcome:
    """One call of `situation` over `network`."""
    speech = speech_of(situation, rng)
    quiet = Reply((spoken(400, "quiet"),), pacing=AT_ONCE)
    replies: list[Reply] = [Reply((spoken(GREETING_MS, "greeting"),), pacing=FAST), situation.reply]
    replies += [situation.then] if situation.then else []
    model = SimulatedModel(
        ScriptedAgent([*replies, quiet]), Behaviour(), speech=speech, keep_heard=False, check=check
    )
    stall_us = REPLY_US + rng.randint(1_000, 3_000) * MS
    stalls = [(stall_us, network.stall_ms * MS)] if network.stall_ms else []
    playout = Playout(
        prebuffer_us=network.prebuffer_ms * MS, drift_ppm=network.drift_ppm, stalls=stalls
    )
    phone = SimulatedPhone(playout=playout, frames=False, echoes=network.echoes)
    phone.hang_up(speech[-1].stop_us + 3 * SECOND)
    core = Call(CallSettings(greeting="Hello."))
    if prepare is not None:
        prepare(core)
    lines = [Line(network.delay_ms * MS, network.jitter_ms * MS, random.Random(rng.random())) for _ in range(2)]
    call = VirtualCall(core, phone, model, out_line=lines[0], in_line=lines[1])
    call.run()
    return judge(situation, call, phone, model, [reply.items for reply in replies[1:]], stall_us if stalls else None)


def judge(
    situation: Situation,
    call: VirtualCall,
    phone: SimulatedPhone,
    model: SimulatedModel,
    replies: Sequence[Sequence[Spoken]],
    stall_us: int | None,
) -> Outcome:
    outcome = Outcome(call=call)
    outcome.faults += phone.violations + model.violations
    outcome.faults += [f"refused truncate {one}" for one in model.truncations if not one.accepted]
    outcome.faults += [f"refused delete {one}" for one in model.deletions if not one.accepted]
    expected = len(replies) if situation.interrupts else 0
    if len(phone.clears) != expected:
        outcome.faults.append(f"{len(phone.clears)} clears where {expected} were due")
        return outcome
    ids = [entry.item_id for entry in model.memory() if entry.role == "assistant"]
    gone = {one.item_id for one in model.deletions}
    at = 1  # the greeting is the first
    outcome.faults += late_bytes(call, replies)
    for number, items in enumerate(replies[:expected]):
        names = item_names(call, items)
        heard = heard_bytes(phone, number, items)
        told = {one.item_id: one.audio_end_ms for one in model.truncations}
        told_ms, told_item = 0, None
        for item, name in zip(items, names, strict=True):
            if name is None or name in gone:
                continue
            if name in told:
                told_ms += told[name]
                told_item = name
                break
            told_ms += item.audio_ms
            told_item = None
        true_ms = sum(heard) / 8
        playing = [name for name, item, n in zip(names, items, heard, strict=True) if 8 <= n < len(item.audio)]
        true_item = playing[0] if playing else None
        since = None if stall_us is None else (phone.clears[number].at_us - stall_us) / MS
        outcome.cuts.append(Cut(situation.name, told_ms, true_ms, told_item, true_item, since))
        at += len(items)
    del ids, at
    return outcome


def item_names(call: VirtualCall, items: Sequence[Spoken]) -> list[str | None]:
    """The ids the model gave to `items`, by the audio in its deltas."""
    names: list[str | None] = []
    for item in items:
        names.append(next((name for name, audio in deltas(call) if item.audio.startswith(audio)), None))
    return names


def deltas(call: VirtualCall) -> list[tuple[str, bytes]]:
    """First delta of each item in the log."""
    import base64
    import json

    first: dict[str, bytes] = {}
    for line in call.log:
        if line.way == "model>bot" and '"response.output_audio.delta"' in line.text:
            event = json.loads(line.text)
            first.setdefault(event["item_id"], base64.b64decode(event["delta"]))
    return list(first.items())


def heard_bytes(phone: SimulatedPhone, clear: int, items: Sequence[Spoken]) -> list[int]:
    """How much of each item had been played when that `clear` took effect."""
    played = phone.heard_when_cleared(clear)
    heard = [0] * len(items)
    for message, n in zip(phone.received, played, strict=False):
        for k, item in enumerate(items):
            if message.audio in item.audio:
                heard[k] += n
    return heard


def late_bytes(call: VirtualCall, replies: Sequence[Sequence[Spoken]]) -> list[str]:
    """Bytes of a cut reply that were handed to the transport after its `clear`."""
    import base64
    import json

    faults, cleared = [], 0
    for line in call.log:
        if line.way != "bot>phone":
            continue
        message = json.loads(line.text)
        if message["event"] == "clear":
            cleared += 1
        elif message["event"] == "media":
            audio = base64.b64decode(message["media"]["payload"])
            for number in range(min(cleared, len(replies))):
                if any(audio in item.audio for item in replies[number]):
                    faults.append(f"{len(audio)} bytes of a cut reply after its clear, at {line.us} us")
    return faults


Which = Literal["told", "true"]
