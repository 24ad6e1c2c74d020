"""GET /metrics after real calls over sockets: what it counts, who may ask, and what it never says."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock

import pytest
from aiohttp.test_utils import make_mocked_request
from prometheus_client.parser import text_string_to_metric_families

from bot.call.outputs import EndReason
from bot.docs import source
from bot.observe.metrics import OTHER
from bot.realtime.errors import Severity
from bot.realtime.failures import FailureKind
from bot.server.bookkeeping import meter as meter_module
from bot.server.bookkeeping.metric_list import COLUMNS, FAMILIES, MILESTONES, WAYS
from bot.server.directory.departure import Phase
from bot.server.http.app_keys import METER
from bot.server.http.operators.admin import from_this_machine
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.handset.script import Elapsed, HangUp, Heard, Say, Script, Step
from bot.testing.handset.twilio_texts import CONNECTED
from bot.testing.model import Behaviour, CloseAt
from bot.testing.model.server import Door
from tests.server.simulated_server import (
    ACCOUNT,
    GREETING,
    QUICK,
    ServerUnderTest,
    a_phone,
    form,
    heard,
    standing,
    until,
)

ADMIN = "a-token-for-the-one-who-watches"
NUMBERS = ("+15555550101", "15555550100")
TALK = Reply([Spoken(pattern(4000), "on and on")], pacing=QUICK)
VOICE = pattern(600, "caller")

Found = dict[tuple[str, ...], float]


async def asked(desk: ServerUnderTest, **headers: str) -> tuple[int, str]:
    async with desk.http.get(f"{desk.origin}/metrics", headers=headers) as answer:
        return answer.status, await answer.text()


async def found(desk: ServerUnderTest) -> Found:
    """Every sample by its name, without `heardline_`, and its label's value."""
    status, text = await asked(desk)
    assert status == 200
    return {
        (sample.name.removeprefix("heardline_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def above_zero(numbers: Found, *names: str) -> Found:
    """Numbers under these names that are not zero."""
    return {key: value for key, value in numbers.items() if key[0] in names and value}


# ---- what is counted ----


async def test_a_call_is_counted_while_it_lives_and_by_its_end() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: "begun" in hand.bridge.tally.reported_us)
            numbers = await found(desk)
            assert numbers["calls_live",] == 1
            assert above_zero(numbers, "call_seconds_count") == {}
            assert (numbers["session_ready_seconds_count",], numbers["call_begun_seconds_count",]) == (1, 1)
            await hand.socket.send_str(hand.texts.stop())
            await hand.closed()
        await desk.quiet()
        numbers = await found(desk)
        assert numbers["calls_live",] == 0
        assert above_zero(numbers, "call_seconds_count") == {("call_seconds_count", "caller_hung_up"): 1}
        assert 0 < numbers["call_seconds_sum", "caller_hung_up"] < 3
        assert above_zero(numbers, "sessions_dialled_total") == {("sessions_dialled_total", "call"): 1}
        assert above_zero(numbers, "sessions_failed_total", "sessions_taken_total", "sessions_missed_total") == {}
        # Looked at again, nothing is counted twice.
        assert numbers == {**await found(desk), **{key: numbers[key] for key in numbers if "loop_lag" in key[0]}}


async def test_every_message_of_both_sockets_is_counted_to_the_byte() -> None:
    async with standing() as desk:
        async with desk.stream(started=False) as hand:
            written = [CONNECTED, hand.texts.start({}), *(hand.frame(at) for at in range(50)), hand.texts.stop()]
            for text in written[:-1]:
                await hand.socket.send_str(text)
            bridge = hand.bridge
            await until(lambda: bridge.call.uplink.appended.n_bytes >= 50 * 160 and bridge.traffic.to_phone > 1)
            await hand.socket.send_str(written[-1])
            to_phone = [message.data async for message in hand.socket]
        await desk.quiet()
        numbers = await found(desk)
        messages = {way: numbers["messages_total", way] for way in WAYS}
        length = {way: numbers["message_bytes_total", way] for way in WAYS}
        assert (messages["phone>bot"], length["phone>bot"]) == (len(written), sum(map(len, written)))
        assert len(to_phone) > 1
        assert (messages["bot>phone"], length["bot>phone"]) == (len(to_phone), sum(map(len, to_phone)))
        assert messages["bot>model"] >= 52  # the session, the greeting, fifty frames
        assert length["bot>model"] > 50 * 216  # base64 of 160 bytes
        assert messages["model>bot"] > 10
        assert length["model>bot"] > len(GREETING.items[0].audio)


async def test_an_interruption_and_what_was_cut_off_are_counted() -> None:
    script = Script([Step(Heard(1_400), Say(VOICE)), Step(Elapsed(300), HangUp())])
    async with standing(TALK, behaviour=Behaviour(late_deltas=3)) as desk:
        await desk.dial(a_phone(script=script))
        await desk.quiet()
        numbers = await found(desk)
        assert above_zero(numbers, "interruptions_total", "interruptions_refused_total") == {
            ("interruptions_total",): 1
        }
        assert numbers["marks_unused_total", "dead"] >= 1


async def test_an_interruption_that_was_not_allowed_is_counted_apart() -> None:
    script = Script([Step(Heard(1_400), Say(VOICE)), Step(Elapsed(300), HangUp())])
    async with standing(TALK, BOT_BARGE_IN="off") as desk:
        await desk.dial(a_phone(script=script))
        await desk.quiet()
        numbers = await found(desk)
        refused = {("interruptions_refused_total",): 1}
        assert above_zero(numbers, "interruptions_total", "interruptions_refused_total") == refused


async def test_audio_that_waited_for_the_session_and_a_gap_are_counted_in_bytes() -> None:
    async with standing(behaviour=Behaviour(created_after_ms=200)) as desk:
        async with desk.stream() as hand:
            for index in (0, 1, 2, 5):
                await hand.socket.send_str(hand.frame(index))
            await until(lambda: hand.bridge.call.uplink.ready)
            assert (await found(desk))["backlog_bytes_total",] == 6 * 160
            assert (await found(desk))["filled_bytes_total",] >= 2 * 160
        await desk.quiet()


async def test_messages_that_are_none_are_counted_by_kind() -> None:
    async with standing(checked=False) as desk:
        async with desk.stream(started=False) as hand:
            for text in ("{", '{"event":"new"}', '{"event":"media"}', hand.frame(0), '{"event":"x"}'):
                await hand.socket.send_str(text)
            await hand.socket.send_bytes(b"x")
            await hand.socket.send_str(hand.texts.start({}))
            await hand.socket.send_str(hand.texts.start({}))
            await hand.socket.send_str(hand.frame(1).replace(hand.ids.stream_sid, "MZ" + "0" * 32))
            await hand.socket.send_str(hand.frame(2).replace("//", "!!"))
            await hand.counted("refused_bad_base64")
            hand.bridge.refuse("model>bot", "not_json")
            hand.bridge.refuse("model>bot", "of a kind yet to come")
            numbers = await found(desk)
        assert above_zero(numbers, "phone_messages_refused_total", "model_messages_refused_total") == {
            ("phone_messages_refused_total", "not_json"): 1,
            ("phone_messages_refused_total", "unknown_event"): 2,
            ("phone_messages_refused_total", "bad_shape"): 1,
            ("phone_messages_refused_total", "before_start"): 1,
            ("phone_messages_refused_total", "binary"): 1,
            ("phone_messages_refused_total", "duplicate_start"): 1,
            ("phone_messages_refused_total", "foreign_stream"): 1,
            ("phone_messages_refused_total", "bad_base64"): 1,
            ("model_messages_refused_total", "not_json"): 1,
            ("model_messages_refused_total", OTHER): 1,
        }


async def test_refused_webhooks_are_counted_by_why() -> None:
    async with standing(BOT_MAX_CALLS="1") as desk:
        known, more = new_call_sid(), new_call_sid()
        await desk.voice(known, token="0" * 32)
        await desk.post("/voice", form("CA-no-sid"))
        await desk.post("/voice/next", form("CA-no-sid"))
        await desk.post("/voice", form(known, account="AC" + "6" * 32))
        await desk.post("/voice", b"x" * 70_000)
        token = await desk.token(known)
        await desk.voice(more)
        socket = await desk.upgrade(token)
        await desk.voice(known)
        await socket.close()
        await desk.quiet()
        await desk.voice(known)
        desk.calls.departure.phase = Phase.DRAINING
        await desk.voice(more)
        assert above_zero(await found(desk), "webhooks_refused_total") == {
            ("webhooks_refused_total", "signature"): 1,
            ("webhooks_refused_total", "form"): 2,
            ("webhooks_refused_total", "account"): 1,
            ("webhooks_refused_total", "too_long"): 1,
            ("webhooks_refused_total", "full"): 1,
            ("webhooks_refused_total", "being_answered"): 1,
            ("webhooks_refused_total", "is_over"): 1,
            ("webhooks_refused_total", "draining"): 1,
        }


async def test_refused_streams_are_counted_by_why() -> None:
    async with standing() as desk:
        sid = new_call_sid()
        token = await desk.token(sid)
        assert await desk.refused(token, signed=False) == 403
        assert await desk.refused("x" * 80) == 403
        assert await desk.refused(token[:-2] + ("AA" if token[-2:] != "AA" else "BB")) == 403
        socket = await desk.upgrade(token)
        assert await desk.refused(token) == 403
        await socket.close()  # it never sent `start`
        await desk.quiet()
        async with desk.stream(started=False) as hand:
            await hand.socket.send_str(hand.texts.start({}).replace(ACCOUNT, "AC" + "6" * 32))
            await hand.closed()
        await desk.quiet()
        numbers = await found(desk)
        refused = {why: n for (_, why), n in above_zero(numbers, "streams_refused_total").items()}
        assert sum(refused.values()) == 6
        assert refused.items() >= {"signature": 1, "spent": 1, "no_start": 1, "start": 1}.items()
        assert refused.keys() - {"signature", "spent", "no_start", "start"} <= {"malformed", "forged"}


async def test_a_session_that_fails_is_counted_by_its_failure() -> None:
    async with standing(door=Door(http_status=429)) as desk:
        await desk.dial(a_phone())
        await desk.quiet()
        numbers = await found(desk)
        assert above_zero(numbers, "sessions_failed_total") == {("sessions_failed_total", "rate_limited"): 3}
        assert above_zero(numbers, "call_seconds_count") == {("call_seconds_count", "model_unavailable"): 1}
        assert above_zero(numbers, "session_ready_seconds_count") == {}


async def test_warm_sessions_are_counted_ready_dialled_and_taken() -> None:
    async with standing(BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(desk.calls.starter.pool))
        assert (await found(desk))["warm_sessions",] == 1
        desk.model.door = Door(http_status=401)
        async with desk.stream() as hand:
            await until(lambda: hand.bridge.call.uplink.ready and desk.calls.starter.pool.failures)
            numbers = await found(desk)
        assert numbers["warm_sessions",] == 0
        assert numbers["sessions_taken_total",] == 1
        assert above_zero(numbers, "sessions_dialled_total", "sessions_failed_total") == {
            ("sessions_dialled_total", "pool"): 2,
            ("sessions_failed_total", "bad_key"): 1,
        }
        await until(lambda: not len(desk.calls.directory))
    assert desk.reasons == ["caller_hung_up"]


async def test_a_warm_session_that_is_lost_while_it_waits_is_a_failed_one() -> None:
    async with standing(behaviour=Behaviour(closes=CloseAt(300_000, 1011)), BOT_WARM_SESSIONS="1") as desk:
        await until(lambda: len(desk.calls.starter.pool))
        desk.model.door = Door(http_status=401)
        await until(lambda: desk.calls.starter.pool.failures.total() == 2)
        assert above_zero(await found(desk), "sessions_failed_total") == {
            ("sessions_failed_total", "closed"): 1,
            ("sessions_failed_total", "bad_key"): 1,
        }


async def test_what_the_process_counts_by_itself_is_added_once() -> None:
    async with standing() as desk:
        desk.calls.needless_sessions.missed = 3
        desk.app[METER].handover = Mock(given=2, taken=1)
        for _ in range(2):
            counted = above_zero(await found(desk), "sessions_missed_total", "connections_handed_over_total")
            assert counted == {
                ("sessions_missed_total",): 3,
                ("connections_handed_over_total", "given"): 2,
                ("connections_handed_over_total", "taken"): 1,
            }


async def test_many_calls_are_looked_at_in_slices_and_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, "SLICE", 1)
    async with standing() as desk, contextlib.AsyncExitStack() as stack:
        hands = [await stack.enter_async_context(desk.stream()) for _ in range(4)]
        await until(lambda: all(hand.bridge.call.started for hand in hands))
        first = hands[0].bridge
        flushing = [asyncio.create_task(desk.app[METER].flush()) for _ in range(3)]
        await hands[0].socket.send_str(hands[0].texts.stop())
        await until(lambda: len(desk.calls.directory) == 3)
        await asyncio.gather(*flushing)
        numbers = await found(desk)
        assert numbers["messages_total", "phone>bot"] == 4 * 2 + 1
        assert numbers["calls_live",] == 3
        assert first.call.ended == "caller_hung_up"


@pytest.mark.parametrize("kept", ["fixture", "audio"])
async def test_a_recording_that_fails_is_counted(tmp_path: Path, kept: str) -> None:
    (tmp_path / "calls").mkdir()
    async with standing(BOT_RECORD=kept, BOT_RECORD_DIR=str(tmp_path / "calls")) as desk:
        (tmp_path / "calls").rmdir()
        (tmp_path / "calls").write_text("in the way")
        async with desk.stream() as hand:
            recorder = hand.bridge.recorder
            assert recorder is not None
            await until(lambda: "begun" in hand.bridge.tally.reported_us)
        await desk.quiet()
        await until(lambda: recorder.failed)
        assert (await found(desk))["recordings_failed_total",] == 1


async def test_numbers_are_published_once_a_second_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, "FLUSH_S", 0.01)
    async with standing() as desk:
        published = desk.app[METER]._metrics.exposition
        async with desk.stream():
            await until(lambda: b"heardline_calls_live 1.0\n" in published()[0])
        await until(lambda: b"heardline_calls_live 0.0\n" in published()[0])
        assert b'heardline_call_seconds_count{reason="caller_hung_up"} 1.0\n' in published()[0]


async def test_a_loop_that_was_held_up_shows_its_lag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter_module, "FLUSH_S", 0.03)
    async with standing() as desk:
        seen = (await found(desk))["loop_lag_seconds_count",]
        await until(lambda: _samples(desk) > seen)
        time.sleep(0.15)  # noqa: ASYNC251  this is what is measured
        await until(lambda: _samples(desk) > seen + 1)
        numbers = await found(desk)
        assert numbers["loop_lag_seconds_bucket", "+Inf"] - numbers["loop_lag_seconds_bucket", "0.1"] >= 1
        assert numbers["loop_lag_seconds_sum",] > 0.1


def _samples(desk: ServerUnderTest) -> float:
    text = desk.app[METER]._metrics.exposition()[0].decode()
    return float(text.partition("\nheardline_loop_lag_seconds_count ")[2].partition("\n")[0])


# ---- what is never said ----


async def test_no_call_and_no_number_is_named() -> None:
    async with standing(ADMIN_TOKEN=ADMIN) as desk:
        phone = a_phone()
        calling = asyncio.create_task(desk.dial(phone))
        await until(lambda: heard(phone))
        _, during = await asked(desk, Authorization=f"Bearer {ADMIN}")
        phone.hang_up(0)
        await calling
        await desk.quiet()
        _, text = await asked(desk, Authorization=f"Bearer {ADMIN}")
        for hidden in (phone.ids.call_sid, phone.ids.stream_sid, ACCOUNT, ADMIN, *NUMBERS):
            assert hidden not in during + text
        assert "heardline_calls_live 1.0" in during


def test_labels_are_few_and_known() -> None:
    reasons = next(one for one in FAMILIES if one.name == "heardline_call_seconds")
    assert set(reasons.values) == set(get_args(EndReason))
    assert sum(len(one.values or (1,)) * (len(one.buckets) + 3 if one.buckets else 1) for one in FAMILIES) < 450


def test_every_column_and_milestone_has_its_family_and_label() -> None:
    families = {one.name: one for one in FAMILIES}
    assert len(families) == len(FAMILIES)
    for column in COLUMNS:
        family = families[column.name]
        assert family.kind == "counter"
        assert column.value in (family.values or ("",))
    assert all(families[name].kind == "histogram" for name in MILESTONES.values())
    assert set(families["heardline_sessions_failed_total"].values) == set(get_args(FailureKind))
    assert set(families["heardline_model_errors_total"].values) == set(get_args(Severity))


def test_the_manual_names_every_metric() -> None:
    rows = [row for row in source("watching").splitlines() if row.startswith("| `heardline_")]
    assert rows == [f"| `{one.name}` |{f' `{one.label}`' if one.label else ''} | {one.about} |" for one in FAMILIES]


# ---- who may ask ----


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {ADMIN}", 200),
        (f"bearer {ADMIN}", 200),
        (f"Bearer {ADMIN}x", 401),
        (f"Bearer {ADMIN[:-1]}", 401),
        (f"Basic {ADMIN}", 401),
        (ADMIN, 401),
        ("Bearer", 401),
        ("Bearer \u00fc\u00df", 401),
        ("", 401),
    ],
)
async def test_with_a_token_it_must_be_shown_even_from_here(authorization: str, status: int) -> None:
    async with standing(ADMIN_TOKEN=ADMIN) as desk:
        headers = {"Authorization": authorization} if authorization else {}
        got, text = await asked(desk, **headers)
        assert got == status
        assert ("heardline_calls_live" in text) == (status == 200)
        assert ADMIN not in repr(desk.logs) + text


async def test_one_who_lacks_the_token_is_told_what_to_show() -> None:
    async with standing(ADMIN_TOKEN=ADMIN) as desk, desk.http.get(f"{desk.origin}/metrics") as answer:
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "header",
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("x-forwarded-port", "443"),
        ("Forwarded", "for=127.0.0.1"),
        ("Via", "1.1 proxy"),
        ("X-Real-IP", "127.0.0.1"),
        ("Cf-Connecting-Ip", "127.0.0.1"),
        ("Host", "bot.example.com"),
        ("Host", "[::"),
    ],
)
async def test_without_a_token_a_proxy_on_this_machine_is_not_this_machine(header: tuple[str, str]) -> None:
    async with standing() as desk:
        assert (await asked(desk))[0] == 200
        status, text = await asked(desk, **dict([header]))
        assert (status, "ADMIN_TOKEN" in text, "heardline_" in text) == (403, True, False)


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        (("127.0.0.1", 4000), True),
        (("127.8.9.10", 4000), True),
        (("::1", 4000, 0, 0), True),
        (("::ffff:127.0.0.1", 4000, 0, 0), True),
        (("10.0.0.7", 4000), False),
        (("203.0.113.9", 4000), False),
        (("::ffff:203.0.113.9", 4000, 0, 0), False),
        (("2001:db8::1", 4000, 0, 0), False),
        (("localhost", 4000), False),
        ("", False),
        (None, False),
    ],
)
def test_this_machine_is_known_by_the_address_of_the_socket(peer: Sequence[Any] | None, local: bool) -> None:
    transport = Mock()
    transport.get_extra_info.side_effect = {"peername": peer}.get
    request = make_mocked_request("GET", "/metrics", headers={"Host": "localhost:8080"}, transport=transport)
    assert from_this_machine(request) == local


async def test_it_is_found_under_the_prefix_too() -> None:
    async with standing(PUBLIC_URL="https://bot.example.com/one") as desk:
        async with desk.http.get(f"{desk.origin}/one/metrics") as answer:
            assert answer.status == 200
        async with desk.http.post(f"{desk.origin}/metrics") as answer:
            assert answer.status == 405
