"""Stored rows of real calls, and a store in trouble."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.call.facts import TurnFact, UsageFact, WaitFact
from bot.call.outputs import Report
from bot.call.settings import CallSettings
from bot.config import Settings
from bot.server.bookkeeping import call_records as module
from bot.server.bookkeeping.call_records import (
    MISSED,
    CallLatencies,
    CallRecord,
    masked_party,
    percentile,
    settings_digest,
)
from bot.server.bookkeeping.store_service import StoreService, keeping, midnight, prepare
from bot.server.shared.resumption import Past
from bot.server.shared.store_lookup import StoreLookup
from bot.store.delivery.write_behind import WriteBehind
from bot.store.results import CallSummary, StoredCall
from bot.store.rows import CallStarted, EventKept, OwnerSeen, Row, TurnKept, UsageKept
from bot.store.upkeep.owners import this_process
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.handset.script import Heard, Say, Script, Step
from bot.twilio.token import NONCE_BYTES, seal, stream_keys
from tests.server.simulated_server import AUTH_TOKEN, GREETING, QUICK, ServerUnderTest, a_phone, heard, standing, until
from tests.store.faulty_store import AWAY, FaultyStore
from tests.store.row_samples import NOW

CALLER, CALLED = "+15555550101", "+15555550100"


async def stored(desk: ServerUnderTest, call_sid: str) -> StoredCall:
    assert desk.kept is not None
    assert await desk.kept.write_behind.flush(5)
    found = await desk.kept.write_behind.ask(lambda store: store.call(call_sid), 5)
    assert found is not None
    return found


async def all_stored(desk: ServerUnderTest) -> list[CallSummary]:
    assert desk.kept is not None
    assert await desk.kept.write_behind.flush(5)
    return await desk.kept.write_behind.ask(lambda store: store.calls(), 5)


async def test_a_call_is_in_the_store_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD="fixture", BOT_RECORD_DIR=str(tmp_path)) as desk:
        recorders: list[Any] = []
        desk.calls.directory.on_start.append(lambda live: recorders.append(live.bridge.recorder))
        phone = a_phone()
        before = datetime.now(UTC)
        await heard_out(desk, phone)
        assert await asyncio.to_thread(recorders[0].wait, 5)
        call = await stored(desk, phone.ids.call_sid)
        one = call.summary
        assert (one.caller, one.called, one.model) == ("+*********01", "+*********00", "gpt-realtime-2.1")
        assert desk.kept is not None
        assert one.caller_hash == desk.kept.hash_number("+1 (555) 555-0101") != ""
        assert desk.calls.admission.hash_number("+15555550101") == one.caller_hash  # limits count by the same
        assert before <= one.started_at <= one.ended_at <= datetime.now(UTC)  # type: ignore[operator]
        (logged,) = desk.logged("call_ended")
        assert (one.reason, one.seconds) == ("caller_hung_up", logged["seconds"])
        assert one.lost == 0
        assert {"session_ready", "begun"} <= {event.name for event in call.events}
        assert [event.number for event in call.events] == list(range(1, len(call.events) + 1))
        (usage,) = call.usages
        assert (usage.usage.kind, usage.usage.status) == ("response", "completed")
        assert one.tokens["audio_out"] > 0
        (file,) = call.files
        assert file.kind == "fixture"
        assert Path(file.path).is_absolute()
        assert phone.ids.call_sid in file.path
    assert Path(file.path).exists()  # noqa: ASYNC240
    left = b"".join(path.read_bytes() for path in tmp_path.glob("calls.sqlite*"))  # noqa: ASYNC240
    assert CALLER[2:].encode() not in left
    assert CALLED[2:].encode() not in left


async def heard_out(desk: ServerUnderTest, *phones: Any) -> None:
    """Calls at once: the greeting is heard to its last byte, and the caller hangs up."""

    async def call(phone: Any) -> None:
        calling = asyncio.create_task(desk.dial(phone))
        try:
            await until(lambda: len(heard(phone)) >= len(GREETING.items[0].audio) or calling.done())
            phone.hang_up(0)
            result = await calling
        finally:
            calling.cancel()
        assert (heard(phone), result.ending) == (GREETING.items[0].audio, "caller_hung_up")

    async with asyncio.TaskGroup() as group:
        for phone in phones:
            group.create_task(call(phone))
    await desk.quiet()


async def test_a_stream_whose_webhook_another_process_had_is_a_call_too(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        call_sid = new_call_sid()
        socket = await desk.upgrade(seal(call_sid, int(time.time()), secrets.token_bytes(NONCE_BYTES), KEYS[0]))
        await until(lambda: desk.model.open_sessions == 1)
        await socket.close()
        await desk.quiet()
        one = (await stored(desk, call_sid)).summary
        assert (one.caller, one.caller_hash, one.reason) == ("", "", "line_lost")


KEYS = stream_keys([AUTH_TOKEN])


async def test_calls_that_are_refused_leave_nothing(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path), BOT_MAX_CALLS="1") as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        assert (await desk.voice(new_call_sid()))[0] == 200
        assert (await desk.voice(new_call_sid(), token=None))[0] == 403
        assert [one.sid for one in await all_stored(desk)] == [call_sid]
        await desk.next(call_sid)
        await desk.quiet()
        assert [one.reason for one in await all_stored(desk)] == ["line_lost"]


async def test_a_session_whose_stream_went_elsewhere_leaves_its_cost(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        call_sid = new_call_sid()
        await desk.token(call_sid)
        bridge = desk.bridge(call_sid)
        (keep,) = bridge.on_written
        keep(UsageFact(1, "response", "resp_1", "m", nano_usd=7), 0)
        bridge.release()
        await desk.quiet()
        call = await stored(desk, call_sid)
        assert (call.summary.nano_usd, call.summary.ended_at) == (7, None)


async def test_the_wait_for_silence_is_measured_where_it_is_felt(tmp_path: Path) -> None:
    long = Reply([Spoken(pattern(6000), "on and on")], pacing=QUICK)
    async with standing(long, keep=keeping, BOT_RECORD_DIR=str(tmp_path), checked=False) as desk:
        phone = a_phone(script=Script([Step(Heard(1_400), Say(pattern(600)))]))
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: phone.clears)
        phone.hang_up(0)
        await calling
        await desk.quiet()
        one = (await stored(desk, phone.ids.call_sid)).summary
        assert one.interruptions == 1
        assert 0 < one.waits["clear_p50"] <= one.waits["clear_p95"]


async def test_a_defect_in_keeping_costs_the_row_and_never_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "mask_value", lambda *_: 1 / 0)
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        phone = a_phone()
        await heard_out(desk, phone)
        call = await stored(desk, phone.ids.call_sid)
        assert call.summary.reason == "caller_hung_up"
        assert call.events == []
        assert len(desk.logged("record_failed")) == 1


# ---- a store in trouble ----


@asynccontextmanager
async def faulty(settings: Settings, store: FaultyStore) -> AsyncIterator[StoreService]:
    me = this_process()
    keeper: WriteBehind[Any] = WriteBehind(
        store.open, lambda: OwnerSeen(*me, NOW), beat_s=0.05, retry_s=(0.01,), soon_s=0.05
    )
    keeper.start()
    try:
        yield StoreService(keeper, me, lambda number: "", StoreLookup(keeper, shared=False))
    finally:
        store.hold.set()
        await keeper.stop(1)


@pytest.mark.parametrize("trouble", ["gone", "full", "hanging"])
async def test_no_call_notices_a_store_in_trouble_and_what_was_held_back_is_stored(trouble: str) -> None:
    store = FaultyStore()
    async with standing(keep=lambda settings: faulty(settings, store)) as desk:
        _begin(store, trouble)
        phones = [a_phone() for _ in range(20)]
        await heard_out(desk, *phones)
        assert desk.reasons == ["caller_hung_up"] * 20
        assert store.rows == []
        assert desk.kept is not None
        keeper = desk.kept.write_behind
        if trouble != "hanging":  # which is not known to be away before its time is over
            assert {entry["call_sid"] for entry in desk.logged("records_behind")} == {
                phone.ids.call_sid for phone in phones
            }
            assert len(desk.logged("store_away")) == 1
        assert (keeper.lost, keeper.waiting > 100) == (0, True)
        store.fault = store.opening_fault = None
        store.hold.set()
        assert await keeper.flush(5)
        assert sorted(end.call_sid for end in store.ends) == sorted(phone.ids.call_sid for phone in phones)
        assert {end.lost for end in store.ends} == {0}
        assert len(store.kept(CallStarted)) == len(store.kept(UsageKept)) == 20
        await until(lambda: len(desk.logged("store_back")) == (trouble != "hanging"))


def _begin(store: FaultyStore, trouble: str) -> None:
    if trouble == "gone":
        store.fault = store.opening_fault = OSError(111, "Connection refused")
    elif trouble == "full":
        store.fault = AWAY
    else:
        store.hold.clear()


async def test_without_any_store_calls_are_answered(tmp_path: Path) -> None:
    (tmp_path / "calls.key").write_text("not a key")
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path)) as desk:
        assert desk.kept is None
        await heard_out(desk, a_phone())
        assert len(desk.logged("store_unusable")) == 1


async def test_a_store_that_is_away_at_the_start_does_not_keep_the_server_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.server.bookkeeping.store_service.GONE_S", 0.2)  # how long it is waited for at the end
    url = "postgresql://bot:secret-word@127.0.0.1:1/calls?sslmode=disable"
    async with standing(keep=keeping, DATABASE_URL=url, BOT_PII_KEY="ab" * 32) as desk:
        await prepare(desk.settings)
        await heard_out(desk, a_phone())
        assert "secret-word" not in str(desk.logs)
        assert {entry["why"].partition(":")[0] for entry in desk.logged("store_away")} == {"ConnectionRefusedError"}


# ---- one call's rows ----


class SomeBridge:
    """The part of a bridge that a record looks at."""

    def __init__(self) -> None:
        self.attached = False
        self.recorder = None


class SomeLive:
    call_sid = "CA1"
    offset_us = 0

    def __init__(self) -> None:
        self.bridge = SomeBridge()
        self.past = Past(0.0)
        self.past = Past(0.0)
        self.offset_us = 0


def record() -> tuple[CallRecord, Any, list[Row]]:
    live, rows = SomeLive(), []
    return CallRecord(live, rows.append, str.upper, lambda: NOW), live, rows  # type: ignore[arg-type]


def test_what_a_call_tells_before_its_stream_is_here_waits_for_it() -> None:
    kept, live, rows = record()
    kept.keep(Report("session_ready", {"why": "x"}), 5)
    assert rows == []
    live.bridge.attached = True
    kept.keep(TurnFact(1, "bot", "item_1", "Hello"), 9)
    kept.keep(UsageFact(1, "response", "resp_1", "m"), 10)
    kept.keep(Report("limit_reached", {"deep": {"a": ["b", 1]}}, "warning"), 12)
    assert rows == [
        EventKept("CA1", 1, 5, "session_ready", "info", {"why": "X"}),
        TurnKept("CA1", TurnFact(1, "bot", "item_1", "HELLO")),
        UsageKept("CA1", NOW, UsageFact(1, "response", "resp_1", "m")),
        EventKept("CA1", 2, 12, "limit_reached", "warning", {"deep": {"A": ["B", 1]}}),
    ]


def test_of_a_session_whose_stream_went_elsewhere_its_cost_is_kept() -> None:
    kept, _, rows = record()
    kept.keep(Report("session_ready", {}), 5)
    kept.keep(UsageFact(1, "response", "resp_1", "m", nano_usd=7), 10)
    kept.missed()
    assert rows == [UsageKept("CA1", NOW, UsageFact(1 + MISSED, "response", "resp_1", "m", nano_usd=7))]


def test_waits_are_summed_up() -> None:
    waits = CallLatencies()
    assert waits.summary() == {}
    for us in range(1000, 101_000, 1000):
        waits.add(WaitFact("byte_heard", us))
    waits.add(WaitFact("greeting_heard", 612_500))
    waits.add(WaitFact("greeting_heard", 999_999))
    waits.add(WaitFact("clear", 1500))
    assert waits.summary() == {
        "byte_heard_p50": 50.0,
        "byte_heard_p95": 95.0,
        "clear_p50": 1.5,
        "clear_p95": 1.5,
        "greeting_heard": 612.5,
    }


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [([3], 50, 3), ([3], 95, 3), ([1, 2], 50, 1), ([2, 1, 3], 50, 2), (list(range(20)), 95, 18), ([5, 1], 95, 5)],
)
def test_percentiles_are_values_that_were_measured(values: list[int], percent: int, found: int) -> None:
    assert percentile(values, percent) == found


@pytest.mark.parametrize(
    ("party", "masked"),
    [
        ("+15555550142", "+*********42"),
        ("sip:1001@example.com", "sip:**01@example.com"),
        ("client:ann", "client:ann"),
        ("42", "42"),
        ("", ""),
        ("9" * 5000, "*" * 62 + "99"),
        ("Anonymous", ""),
        ("+17378742833", ""),
    ],
)
def test_no_more_than_two_digits_of_a_party_are_kept(party: str, masked: str) -> None:
    assert masked_party(party) == masked


def test_the_digest_names_what_was_chosen_and_nothing_of_a_call() -> None:
    one = CallSettings(greeting="Hi")
    assert settings_digest(one) == settings_digest(replace(one, call_sid="CA1", account_sid="AC1"))
    assert settings_digest(one) != settings_digest(replace(one, greeting="Hello"))
    assert len(settings_digest(one)) == 12


def test_the_day_begins_at_midnight() -> None:
    assert midnight(datetime(2026, 11, 22, 23, 59, 59, 7, tzinfo=UTC)) == datetime(2026, 11, 22, tzinfo=UTC)


async def test_what_was_spent_today_is_told_to_the_calls(tmp_path: Path) -> None:
    async with standing(keep=keeping, BOT_RECORD_DIR=str(tmp_path), BOT_MAX_DAILY_USD="100") as desk:
        told: list[int] = []
        desk.calls.spent_today.on_spend.append(told.append)
        await until(lambda: told)
        assert (told[0], desk.calls.spent_today.nano_usd) == (0, 0)
