"""Valid messages in any order: nothing raises, nothing is said twice, nothing dead is heard."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.call.call import Call, Input
from bot.call.conversation.goodbye import PARAMETERS
from bot.call.inputs import (
    DailySpend,
    DialFailed,
    ModelClosed,
    PhoneClosed,
    PhoneFull,
    PhoneRoom,
    Refused,
    SessionAlive,
    SessionExpires,
    SessionWaiting,
    Shutdown,
    Tick,
)
from bot.call.outputs import Adopt, End, Output
from bot.call.session.turn_ownership import OPENING_UPDATE
from bot.call.settings import CallSettings, Money
from bot.call.states import State
from bot.realtime import events
from bot.realtime.session import END_CALL
from bot.twilio import stream
from tests.call.priced_call import CENT, billed, goodbye, heard, purse
from tests.call.scripted_call import (
    SESSION,
    SID,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    error,
    frame,
    function,
    item_done,
    speaks,
    start,
    stops,
    updated,
    words,
)

responses = st.sampled_from(["R1", "R2", "R3"])
items = st.sampled_from(["A", "B", "C"])
contents = st.integers(0, 1)
sids = st.sampled_from([SID, SID, SID, "", "MZ2"])
statuses = st.sampled_from(["completed", "cancelled", "incomplete", "failed", "nonsense"])
codes = st.sampled_from(
    [
        None,
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "item_truncate_invalid_item_id",
        "server_error",
    ]
)
event_ids = st.sampled_from([None, "create_1", "create_2", "session_1", "truncate_3"])
names = st.builds("e{}.{}".format, st.integers(0, 3), st.integers(0, 6))

starts: st.SearchStrategy[Input] = st.builds(start, call_sid=st.sampled_from(["CA1", "CA1", "CA1", "CA2"]))
opening: st.SearchStrategy[Input] = st.one_of(
    st.just(stream.Connected()),
    starts,
    st.just(events.SessionCreated(SESSION)),
    st.just(updated()),
)
from_phone: st.SearchStrategy[Input] = st.one_of(
    st.builds(frame, st.integers(0, 2**40), st.integers(0, 40), sid=sids),
    st.builds(echo, names, sids),
    st.builds(lambda sid: stream.Dtmf(stream.DtmfPart("1"), sid), sids),
)
from_model: st.SearchStrategy[Input] = st.one_of(
    st.builds(speaks, st.integers(-1, 2**40)),
    st.just(stops()),
    st.builds(committed, items),
    st.builds(lambda item: events.CallerTranscript(item, " words of the caller "), items),
    st.builds(created, responses),
    st.builds(goodbye, responses),
    st.builds(billed, responses, st.sampled_from([1, 50, 85, 200]), statuses),
    st.builds(heard, items, st.sampled_from([1, 85])),
    st.builds(added, responses, items),
    st.builds(delta, responses, items, st.sampled_from([0, 20, 400, 7000]), contents),
    st.builds(audio_done, responses, items, contents),
    st.builds(words, responses, items, st.text(max_size=8)),
    st.builds(events.TranscriptDone, responses, items, st.text(max_size=8)),
    st.builds(item_done, items),
    st.builds(function, responses, st.sampled_from([END_CALL, "other"])),
    st.builds(done, responses, statuses),
    st.builds(error, codes, event_ids, st.sampled_from(["invalid_request_error", "server_error"])),
    st.just(events.Unknown("response.invented")),
)
from_shell: st.SearchStrategy[Input] = st.one_of(
    st.just(PhoneFull()),
    st.just(PhoneRoom()),
    st.just(Refused("phone>bot", "not_json")),
    st.just(Tick()),
    st.builds(DailySpend, st.sampled_from([0, 85 * CENT, 100 * CENT])),
    st.just(ModelClosed("closed", 1006)),
    st.just(error("session_expired")),
    st.just(SessionWaiting()),
    st.just(SessionAlive()),
    st.just(DialFailed("unreachable", 503)),
    st.builds(SessionExpires, st.sampled_from([-1, 0, 2, 30, 3600])),
)
endings: st.SearchStrategy[Input] = st.one_of(
    st.builds(stream.Stop, sids),
    st.builds(PhoneClosed, st.sampled_from([1000, 1001, 1006])),
    st.just(ModelClosed("bad_key", 3000)),
    st.just(Shutdown("drained")),
    st.just(error("insufficient_quota")),
)
strange: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**53, 2**63, 10**30, 1.5, "", "x" * 600, "\x00\x1b[2J", "\u202e", "=", "AAA", [], {}, [[]]]
)


@st.composite
def spoilt(draw: st.DrawFn, whole: st.SearchStrategy[Input]) -> bytes:
    """A valid message with one value exchanged for a strange one, as it comes over the wire."""
    message = msgspec.to_builtins(draw(whole))
    part: Any = message
    keys: list[Any] = list(part)
    key = draw(st.sampled_from(keys))
    while isinstance(part[key], dict) and part[key] and draw(st.booleans()):
        part = part[key]
        key = draw(st.sampled_from(list(part)))
    part[key] = draw(strange)
    return msgspec.json.encode(message)


settings = st.builds(
    CallSettings,
    greeting=st.sampled_from(["", "Hello."]),
    barge_in=st.sampled_from(["on", "after_greeting", "off"]),
    idle_s=st.sampled_from([0, 3]),
    no_progress_s=st.sampled_from([0, 3]),
    max_call_s=st.sampled_from([3600, 6]),
    response_s=st.sampled_from([0, 8]),
    call_sid=st.sampled_from(["", "CA1"]),
    money=st.sampled_from([Money(), purse().money, purse(day_cents=100, line_cents=40).money]),
)


class AnyOrder(RuleBasedStateMachine):
    """A call under any sequence of valid inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.call: Call | None = None
        self.now_us = 0
        self.dead: set[str] = set()
        """Responses that were known when a `clear` went out: no audio of theirs may follow."""
        self.known: set[str] = set()
        self.event_ids: set[str] = set()
        self.marks: set[str] = set()
        self.ended = False

    @precondition(lambda self: self.call is None)
    @rule(chosen=settings, quick=st.booleans())
    def ring(self, chosen: CallSettings, quick: bool) -> None:
        self.call = Call(chosen)
        if quick:
            for one in (start(), events.SessionCreated(SESSION), updated()):
                self.feed(one)

    @precondition(lambda self: self.call is not None)
    @rule(one=st.one_of(opening, from_phone, from_shell))
    def something_happens(self, one: Input) -> None:
        self.feed(one)

    @precondition(lambda self: self.call is not None)
    @rule(one=from_model)
    def the_model_says(self, one: Input) -> None:
        self.feed(one)

    @precondition(lambda self: self.call is not None)
    @rule(text=spoilt(st.one_of(starts, from_phone)))
    def the_phone_says_something_strange(self, text: bytes) -> None:
        try:
            self.feed(stream.parse(text))
        except stream.BadMessage as error:
            self.feed(Refused("phone>bot", error.kind))

    @precondition(lambda self: self.call is not None)
    @rule(text=spoilt(from_model))
    def the_model_says_something_strange(self, text: bytes) -> None:
        try:
            self.feed(events.parse(text))
        except events.BadEvent as error:
            self.feed(Refused("model>bot", error.kind))

    @precondition(lambda self: self.call is not None)
    @rule(response=responses, item=items, ms=st.sampled_from([20, 400, 7000]))
    def the_model_speaks(self, response: str, item: str, ms: int) -> None:
        self.feed(created(response))
        self.feed(delta(response, item, ms))

    @precondition(lambda self: self.call is not None)
    @rule(wait_us=st.integers(0, 3_000_000))
    def time_passes(self, wait_us: int) -> None:
        """Let time pass as the shell does: a Tick at each deadline on the way."""
        assert self.call is not None
        until_us = self.now_us + wait_us
        for _ in range(200):
            due_us = self.call.deadline_us
            if due_us is None or due_us > until_us:
                break
            self.now_us = max(self.now_us, due_us)
            self.feed(Tick())
            after_us = self.call.deadline_us
            assert after_us is None or after_us > self.now_us, (
                "a Tick that settles nothing comes again at once, for ever"
            )
        self.now_us = until_us

    @precondition(lambda self: self.call is not None)
    @rule(one=endings, really=st.integers(0, 9))
    def something_ends_it(self, one: Input, really: int) -> None:
        if not really:
            self.feed(one)

    def feed(self, one: Input) -> None:
        assert self.call is not None
        if type(one) is events.ResponseCreated:
            self.known.add(one.response.id)
            self.dead.discard(one.response.id)
        out = self.call.receive(one, self.now_us)
        assert [type(output) for output in out[:-1] if type(output) is Adopt] == [], "an Adopt comes last"
        assert not (self.ended and out), "nothing comes after End"
        for output in out:
            self.judge(one, output)

    def judge(self, one: Input, output: Output) -> None:
        assert not self.ended, "nothing comes after End"
        self.ended = type(output) is End
        if type(output) is stream.Clear:
            self.dead |= self.known
        if type(output) is Adopt:
            self.event_ids.discard(OPENING_UPDATE)
        if type(output) is events.CreateResponse and self.call is not None and self.call.goodbye.closing:
            assert output.response == PARAMETERS, "while closing nothing is asked for but the goodbye"
        if isinstance(output, stream.PlayMedia | stream.SetMark | stream.Clear):
            assert self.call is not None
            assert output.stream_sid == self.call.playout.stream_sid
        if type(output) is stream.PlayMedia and type(one) is events.AudioDelta:
            assert one.response_id not in self.dead, "audio of a response that was cut"
        if type(output) is stream.SetMark:
            assert output.mark.name not in self.marks
            self.marks.add(output.mark.name)
        event_id = getattr(output, "event_id", None)
        if event_id is not None:
            assert event_id
            assert event_id not in self.event_ids
            self.event_ids.add(event_id)

    @invariant()
    def the_books_are_right(self) -> None:
        if self.call is None:
            return
        assert (self.call.state is State.ENDED) == (self.call.ended is not None) == self.ended
        for entry in self.call.playout.ledger.heard(self.now_us):
            assert 0 <= entry.heard <= entry.sent <= entry.received


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = hypothesis_settings(max_examples=100, stateful_step_count=40, deadline=None)
