"""The eight situations that bridges get wrong, as whole calls in virtual time with a random cut each.

Every call: a greeting heard to its end, a question, a reply, and the caller cutting in. What the phone truly played when
`clear` took effect is compared with what the model was told.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from bot.call.call import Call
from bot.call.settings import CallSettings
from bot.testing.agent import AT_ONCE, Failure, Pacing, Reply, ScriptedAgent, Spoken, pattern
from bot.testing.handset.phone import Echoes, SimulatedPhone
from bot.testing.model import Behaviour, SimulatedModel, SpeechAt
from bot.testing.network.line import Line
from bot.testing.virtual.scheduler import Core, VirtualCall
from bot.twilio.playout import Playout

MS = 1_000
QUESTION = SpeechAt(3_000 * MS, 3_400 * MS)
ANSWER_AFTER_US = 800 * MS
"""Time from the end of the caller's speech to the first audio: 500 ms of silence and 300 ms of thought."""
REPLY_US = QUESTION.stop_us + ANSWER_AFTER_US
GREETING_US = 400 * MS
"""About when the first audio of the greeting comes."""
FAST, SLOW = Pacing(speed=5), Pacing(speed=1.4)
NEAR_JITTERS = 2
"""The sum of two ways' jitter, by which a cut may miss an item: that of the first media, and of the `clear`."""
STALL_US = (1_000 * MS, 3_000 * MS)
"""A stall begins this long after the reply's first audio."""


@dataclass(frozen=True)
class Situation:
    """`replies` are cut one after the other; `cuts_ms` the range of each cut, in ms after the reply's first audio."""

    name: str
    replies: tuple[Reply, ...]
    cuts_ms: tuple[tuple[int, int], ...]
    interrupts: bool = True
    first: bool = False
    """The first reply is the greeting: nothing is known of the line when it begins."""


def spoken(ms: int, seed: str) -> Spoken:
    return Spoken(pattern(ms, seed), f"words of {seed} " * (ms // 500))


LONG, FIRST, LATER = spoken(12_000, "long"), spoken(4_000, "first"), spoken(6_000, "later")
PAUSED = Failure("pauses", after_ms=3_000, pause_ms=2_500)

GREETING = Situation("cut in the greeting", (Reply((LONG,), pacing=FAST),), ((1_600, 11_000),), first=True)

SITUATIONS = (
    GREETING,
    Situation("fully generated", (Reply((LONG,), pacing=FAST),), ((3_000, 11_900),)),
    Situation("still generating", (Reply((LONG,), pacing=SLOW),), ((150, 8_000),)),
    Situation("two items, cut in the first", (Reply((FIRST, LATER), pacing=FAST),), ((2_600, 3_950),)),
    Situation("two items, cut in the second", (Reply((FIRST, LATER), pacing=FAST),), ((4_050, 9_900),)),
    Situation(
        "a cut right after a cut",
        (Reply((LONG,), pacing=FAST), Reply((LATER,), pacing=FAST)),
        ((1_000, 6_000), (600, 3_000)),
    ),
    Situation("second turn after an uninterrupted first", (Reply((LATER,), pacing=FAST),), ((1_300, 5_900),)),
    Situation("heard to its end", (Reply((FIRST,), pacing=FAST),), ((4_900, 6_000),), interrupts=False),
    Situation("generation stalled", (Reply((LONG,), pacing=SLOW, failure=PAUSED),), ((300, 9_000),)),
)


@dataclass(frozen=True)
class Network:
    """The line to the phone and what else the sender can't see. Delays one-way, jitter +- for each message."""

    name: str
    delay_ms: int = 0
    jitter_ms: int = 0
    prebuffer_ms: int = 0
    line_stall_ms: int = 0
    """Milliseconds for which nothing arrives at the phone."""
    playout_stall_ms: int = 0
    """The phone's play head stands still for this long."""
    drift_ppm: int = 0
    lost: float = 0.0
    """The share of messages that are lost and sent again after 220 ms, with all behind them."""
    echoes: Echoes = "faithful"
    echoes_late_ms: int = 0
    echoes_every_ms: int = 0
    """Echoes come together, so far apart."""


@dataclass(frozen=True)
class Cut:
    """One cut: positions within the reply in ms as told to the model and as truly played, and the items they are in.

    `played_ms` is what was truly played of each item.
    """

    situation: str
    told_ms: int
    true_ms: float
    told_item: int | None
    true_item: int | None
    near_border: bool
    """The border between the two items, or an end of the reply, lies so near that jitter decides."""
    stalled_ms_ago: float | None
    played_ms: tuple[float, ...] = ()
    clock_ms: int = 0
    """Milliseconds heard by the sender's clock alone."""
    oracle_ms: float = 0.0
    """Milliseconds that had played when the clear should have arrived: all is known but its own journey."""

    @property
    def error_ms(self) -> float:
        return self.told_ms - self.true_ms


class Gathering(Line):
    """A line on which what arrives waits for the next full `every_us`."""

    def __init__(self, every_us: int, delay_us: int, jitter_us: int, rng: random.Random) -> None:
        super().__init__(delay_us, jitter_us, rng)
        self._every_us = every_us

    def arrival(self, sent_us: int) -> int:
        return -(-super().arrival(sent_us) // self._every_us) * self._every_us


@dataclass
class Outcome:
    """`faults` are things that must never happen, in words."""

    call: VirtualCall
    cuts: list[Cut] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(
    situation: Situation,
    network: Network,
    rng: random.Random,
    *,
    prepare: Callable[[Call], None] | None = None,
    check: Callable[[str], None] | None = None,
    around: Callable[[Call], Core] | None = None,
    greeting: Spoken | None = None,
) -> Outcome:
    """One call of `situation` over `network`. `prepare` may change the core; `check` judges every client event.

    `around` may put something between the core and the lines.
    """
    speech = _speech(situation, rng)
    greeted = [] if situation.first else [Reply((greeting or spoken(2_000, "greeting"),), pacing=FAST)]
    model = SimulatedModel(
        ScriptedAgent([*greeted, *situation.replies, _QUIET]),
        Behaviour(),
        speech=speech,
        keep_heard=False,
        check=check,
    )
    stall_us = (GREETING_US if situation.first else REPLY_US) + rng.randint(*STALL_US)
    playout = Playout(
        prebuffer_us=network.prebuffer_ms * MS,
        drift_ppm=network.drift_ppm,
        stalls=_stall(stall_us, network.playout_stall_ms),
    )
    phone = SimulatedPhone(playout=playout, frames=False, echoes=network.echoes)
    phone.hang_up(speech[-1].stop_us + 3_000 * MS)
    core = Call(CallSettings(greeting="Hello."))
    if prepare is not None:
        prepare(core)
    out_line = Line(
        network.delay_ms * MS,
        network.jitter_ms * MS,
        random.Random(rng.random()),
        stalls=_stall(stall_us, network.line_stall_ms),
        lost=network.lost,
    )
    in_line = _homeward(network, random.Random(rng.random()))
    around_it = around(core) if around is not None else core
    call = VirtualCall(around_it, phone, model, out_line=out_line, in_line=in_line)
    call.run()
    stalls = network.playout_stall_ms or network.line_stall_ms
    return _Judge(
        situation, call, phone, model, speech[-len(situation.cuts_ms) :], stall_us if stalls else None, network
    ).outcome()


def _homeward(network: Network, rng: random.Random) -> Line:
    delay_us = (network.delay_ms + network.echoes_late_ms) * MS
    if network.echoes_every_ms:
        return Gathering(network.echoes_every_ms * MS, delay_us, network.jitter_ms * MS, rng)
    return Line(delay_us, network.jitter_ms * MS, rng, lost=network.lost)


_QUIET = Reply((spoken(400, "quiet"),), pacing=AT_ONCE)


def _stall(at_us: int, for_ms: int) -> list[tuple[int, int]]:
    return [(at_us, for_ms * MS)] if for_ms else []


def _speech(situation: Situation, rng: random.Random) -> list[SpeechAt]:
    speech, begins_us = ([], GREETING_US) if situation.first else ([QUESTION], REPLY_US)
    for earliest, latest in situation.cuts_ms:
        at = begins_us + rng.randint(earliest * MS, latest * MS)
        speech.append(SpeechAt(at, at + 300 * MS))
        begins_us = speech[-1].stop_us + ANSWER_AFTER_US
    return speech


class _Message(msgspec.Struct):
    event: str
    media: dict[str, str] = {}


class _Judge:
    """Holds what the model was told against what the phone played."""

    def __init__(  # noqa: PLR0917
        self,
        situation: Situation,
        call: VirtualCall,
        phone: SimulatedPhone,
        model: SimulatedModel,
        cuts: Sequence[SpeechAt],
        stall_us: int | None,
        network: Network,
    ) -> None:
        self.network = network
        self.situation = situation
        self.call = call
        self.phone = phone
        self.model = model
        self.cuts = cuts
        self.stall_us = stall_us

    def outcome(self) -> Outcome:
        outcome = Outcome(self.call)
        outcome.faults += self.phone.violations + self.model.violations + self._refused() + self._after_clear()
        for number, reply in enumerate(self.situation.replies):
            told = self._told(reply.items)
            clear = self._clear(self.cuts[number])
            if not self.situation.interrupts:
                outcome.faults += ["a truncate or delete where nothing was to be cut"] if told is not None else []
            elif clear is None or told is None:
                outcome.faults.append("no clear" if clear is None else "no truncate and no delete")
            else:
                outcome.cuts.append(self._cut(reply.items, clear, told))
        return outcome

    def _refused(self) -> list[str]:
        asked = [*self.model.truncations, *self.model.deletions]
        return [f"refused: {one}" for one in asked if not one.accepted]

    def _clear(self, cut: SpeechAt) -> int | None:
        """Number of the clear that this cut caused, if any."""
        later = [n for n, clear in enumerate(self.phone.clears) if clear.at_us >= cut.start_us]
        return later[0] if later and self.phone.clears[later[0]].at_us < cut.start_us + 700 * MS else None

    def _told(self, items: Sequence[Spoken]) -> tuple[int, int | None] | None:
        """Position in the reply and item as told; None when nothing of it was truncated or deleted."""
        truncated = {one.item_id: one.audio_end_ms for one in self.model.truncations}
        deleted = {one.item_id for one in self.model.deletions}
        position, item, touched = 0, None, False
        for number, name in enumerate(self._names(items)):
            if name in truncated:
                position, item, touched = position + truncated[name], number, True
                break
            if name is None or name in deleted:
                touched = touched or name is not None
                break
            position += items[number].audio_ms
        return (position, item) if touched else None

    def _names(self, items: Sequence[Spoken]) -> list[str | None]:
        first: dict[str, bytes] = {}
        for line in self.call.log:
            if line.way == "model>bot" and "response.output_audio.delta" in line.text:
                event = msgspec.json.decode(line.text)
                first.setdefault(event["item_id"], base64.b64decode(event["delta"]))
        return [next((name for name, audio in first.items() if item.audio.startswith(audio)), None) for item in items]

    def _cut(self, items: Sequence[Spoken], clear: int, told: tuple[int, int | None]) -> Cut:
        heard = [0] * len(items)
        for message, n_bytes in zip(self.phone.received, self.phone.heard_when_cleared(clear), strict=False):
            for number, item in enumerate(items):
                if message.audio in item.audio:
                    heard[number] += n_bytes
        playing = [n for n, item in enumerate(items) if 8 <= heard[n] < len(item.audio)]
        true_ms = sum(heard) / 8
        borders = [sum(item.audio_ms for item in items[:n]) for n in range(len(items) + 1)]
        near_ms = NEAR_JITTERS * self.network.jitter_ms + 2
        at_us = self.phone.clears[clear].at_us
        return Cut(
            self.situation.name,
            told[0],
            true_ms,
            told[1],
            playing[0] if playing else None,
            any(abs(true_ms - at) <= near_ms and abs(told[0] - at) <= near_ms for at in borders),
            None if self.stall_us is None else (at_us - self.stall_us) / MS,
            tuple(n_bytes / 8 for n_bytes in heard),
            self._by_clock(items, at_us),
            self._by_oracle(items, clear),
        )

    def _by_clock(self, items: Sequence[Spoken], cleared_us: int) -> int:
        """Milliseconds of the reply by the sender's clock at the last clear sent before `cleared_us`."""
        end_us, spans, told = 0, list[tuple[int, int]](), 0
        for line in self.call.log:
            if line.way != "bot>phone" or line.us > cleared_us:
                continue
            if '"clear"' in line.text:
                told = sum(min(n, max(0, (line.us - start_us) // 125)) for start_us, n in spans)
                end_us, spans = line.us, []
            elif '"media"' in line.text:
                audio = base64.b64decode(msgspec.json.decode(line.text, type=_Message).media["payload"])
                start_us = max(line.us, end_us)
                end_us = start_us + len(audio) * 125
                if any(audio in item.audio for item in items):
                    spans.append((start_us, len(audio)))
        return told // 8

    def _by_oracle(self, items: Sequence[Spoken], clear: int) -> float:
        """Milliseconds of the reply that have played when a clear that meets no jitter takes effect."""
        cleared, due_us = self.phone.clears[clear], 0
        for line in self.call.log:
            if line.way == "bot>phone" and '"clear"' in line.text and line.us <= cleared.at_us:
                due_us = line.us + self.network.delay_ms * MS
        sent = played = 0
        for number, message in enumerate(self.phone.received[: cleared.n_received]):
            if any(message.audio in item.audio for item in items):
                sent += len(message.audio)
                played += self.phone.playout.heard_bytes(number, min(due_us, cleared.at_us))
        return min(sent, played + max(0, due_us - cleared.at_us) // 125) // 8

    def _after_clear(self) -> list[str]:
        """Bytes of a cut reply that were handed to the transport after its clear."""
        cleared_us = [self._sent_clear_us(cut) for cut in self.cuts[: len(self.situation.replies)]]
        faults = []
        for line in self.call.log:
            if line.way != "bot>phone" or '"media"' not in line.text:
                continue
            audio = base64.b64decode(msgspec.json.decode(line.text, type=_Message).media["payload"])
            for reply, at_us in zip(self.situation.replies, cleared_us, strict=True):
                if at_us is not None and line.us > at_us and any(audio in item.audio for item in reply.items):
                    faults.append(f"{len(audio)} bytes of a cut reply sent after its clear")
        return faults

    def _sent_clear_us(self, cut: SpeechAt) -> int | None:
        sent = (line.us for line in self.call.log if line.way == "bot>phone" and '"clear"' in line.text)
        return next((us for us in sent if us >= cut.start_us), None)


def longer(situation: Situation) -> Situation:
    """The situation for a stall: items so long that most cuts come after it, and cuts all over them."""
    items = {LONG: spoken(40_000, "long"), FIRST: spoken(20_000, "first"), LATER: spoken(20_000, "later")}
    ranges = {
        "two items, cut in the first": ((4_000, 19_900),),
        "two items, cut in the second": ((21_000, 39_900),),
        "a cut right after a cut": ((500, 39_000), (600, 19_000)),
        "second turn after an uninterrupted first": ((500, 19_900),),
        "heard to its end": ((21_000, 22_000),),
        "generation stalled": ((300, 35_000),),
        "still generating": ((150, 28_000),),
        "fully generated": ((8_500, 39_900),),
    }
    replies = tuple(replace_items(reply, tuple(items[item] for item in reply.items)) for reply in situation.replies)
    return replace(situation, replies=replies, cuts_ms=ranges[situation.name])


def replace_items(reply: Reply, items: tuple[Spoken, ...]) -> Reply:
    return msgspec.structs.replace(reply, items=items)
