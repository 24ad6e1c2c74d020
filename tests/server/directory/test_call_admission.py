"""Access of callers: who may call, how often, and a machine that is too busy; by signed webhook, and by the parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import SettingsError, load_settings
from bot.server.directory.call_admission import SAMPLES, Load, may_call
from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.caller_quota import MINUTE_S, CallerQuota, quota_of, storeless_hash
from bot.server.shared.ended_calls import DAY_S
from bot.testing.agent import Reply, Spoken, pattern
from bot.testing.dialling.dial import new_call_sid
from bot.testing.dialling.signed_webhook import parse_document
from tests.server.http.operators.test_metrics_route import found
from tests.server.simulated_server import GREETING, QUICK, ServerUnderTest, a_phone, form, heard, standing

GERMAN, FRENCH, PREMIUM = "+4930123456", "+33123456789", "+19005550100"
WITHHELD = "+266696687"
SPELLED = ("+17378742833", "+1266696687", "+12562533", "+18656696", "+7378742883")
"""The same in other words, and with the country's code before it."""


async def rings(desk: ServerUnderTest, number: str, call_sid: str = "") -> str:
    """The first verb of what Twilio is told, and its URL or reason."""
    fields = [pair for pair in form(call_sid or new_call_sid()) if pair[0] != "From"]
    status, document = await desk.post("/voice", [*fields, ("From", number)])
    assert status == 200, document
    first = parse_document(document)[0]
    return f"{first.tag} {first.attrib.get('reason') or (first.text or '').strip()}".strip()


# ---- the lists ----


@pytest.mark.parametrize(
    ("allow", "deny", "taken"),
    [
        pytest.param("", "", [GERMAN, FRENCH, PREMIUM, WITHHELD, "", "sip:x@y"], id="everybody"),
        pytest.param("", "+1900", [GERMAN, FRENCH, WITHHELD, "", "sip:x@y"], id="a prefix denied"),
        pytest.param("+49,+33", "", [GERMAN, FRENCH], id="two countries"),
        pytest.param("+49,withheld", "", [GERMAN, WITHHELD, "", "sip:x@y"], id="and who shows none"),
        pytest.param("", "withheld", [GERMAN, FRENCH, PREMIUM], id="who shows none denied"),
        pytest.param(GERMAN, "+49", [], id="denied stays denied"),
        pytest.param("+49", "+49 (30) 123-456", [], id="one of them denied"),
    ],
)
def test_who_may_call(allow: str, deny: str, taken: list[str]) -> None:
    settings = load_settings({"BOT_ALLOW_CALLERS": allow, "BOT_DENY_CALLERS": deny})
    everybody = [GERMAN, FRENCH, PREMIUM, WITHHELD, "", "sip:x@y"]
    assert [number for number in everybody if may_call(settings, number)] == taken
    assert {may_call(settings, number) for number in SPELLED} == {WITHHELD in taken}


async def test_a_denied_caller_is_rejected_and_nothing_is_dialled_or_spent() -> None:
    async with standing(GREETING, BOT_DENY_CALLERS="+1900") as desk:
        assert await rings(desk, PREMIUM) == "Reject"
        assert (len(desk.calls.directory), len(desk.model.sessions)) == (0, 0)
        assert [entry["why"] for entry in desk.logged("call_refused")] == ["caller_denied"]
        assert PREMIUM not in str(desk.logs)
        assert (await found(desk))["webhooks_refused_total", "caller_denied"] == 1


async def test_an_unsigned_webhook_is_judged_by_nothing_but_that() -> None:
    async with standing(GREETING, BOT_DENY_CALLERS="+1900") as desk:
        status, _ = await desk.post("/voice", [*form(new_call_sid()), ("From", PREMIUM)], token="wrong")
        assert status == 403
        assert desk.logged("call_refused") == []


# ---- how often ----


async def test_one_number_has_so_many_calls_at_once_and_others_do_not_notice() -> None:
    async with standing(GREETING, BOT_CALLS_PER_NUMBER="1") as desk:
        first = new_call_sid()
        assert await rings(desk, GERMAN, first) == "Connect"
        assert await rings(desk, GERMAN, first) == "Connect"  # asked again for the same call
        assert await rings(desk, GERMAN) == "Reject busy"
        assert await rings(desk, FRENCH) == "Connect"
        assert {await rings(desk, number) for number in (WITHHELD, SPELLED[0], SPELLED[1]) * 2} == {"Connect"}
        assert (await found(desk))["webhooks_refused_total", "caller_at_once"] == 1
        assert GERMAN not in str([entry for entry in desk.logs if entry["event"] == "call_refused"])
        await desk.calls.departure.close()


async def test_one_number_has_so_many_calls_a_minute() -> None:
    async with standing(GREETING, BOT_CALLS_PER_MINUTE="2") as desk:
        assert [await rings(desk, GERMAN) for _ in range(3)] == ["Connect", "Connect", "Reject busy"]
        assert (await found(desk))["webhooks_refused_total", "caller_rate"] == 1
        await desk.calls.departure.close()


class Clock:
    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def registry(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[CallRegistry]:
    made = CallRegistry(clock) if request.param == "memory" else CallRegistry(clock, tmp_path / "calls")
    yield made
    made.close()


def sid(number: int) -> str:
    return f"CA{number:032x}"


def test_a_call_that_is_over_makes_room_for_its_caller(registry: CallRegistry) -> None:
    quota = CallerQuota("anna", at_once=1)
    assert [registry.enter(sid(1), 9, quota), registry.enter(sid(2), 9, quota)] == ["new", "caller_at_once"]
    registry.end(sid(1), "caller_hung_up")
    assert registry.enter(sid(2), 9, quota) == "new"
    assert registry.enter(sid(3), 9, CallerQuota("bert", at_once=1)) == "new"


def test_a_call_carried_on_counts_again(registry: CallRegistry) -> None:
    quota = CallerQuota("anna", at_once=1)
    registry.enter(sid(1), 9, quota)
    registry.end(sid(1), "line_lost")
    registry.reopen(sid(1))
    assert registry.enter(sid(2), 9, quota) == "caller_at_once"


def test_a_minute_later_there_is_room_again_and_refused_calls_do_not_count(
    registry: CallRegistry, clock: Clock
) -> None:
    quota = CallerQuota("anna", per_minute=2)
    for number in (1, 2):
        assert registry.enter(sid(number), 9, quota) == "new"
        registry.end(sid(number), "caller_hung_up")
        clock.now_s += 20
    for number in range(3, 9):
        assert registry.enter(sid(number), 9, quota) == "caller_rate"
    clock.now_s += MINUTE_S - 40
    assert registry.enter(sid(9), 9, quota) == "new"
    assert registry.enter(sid(10), 9, quota) == "caller_rate"


def test_all_processes_count_together_and_none_keeps_a_number(tmp_path: Path, clock: Clock) -> None:
    settings = load_settings({"TWILIO_AUTH_TOKEN": "0123456789abcdef", "BOT_CALLS_PER_NUMBER": "1"})
    hashed = storeless_hash(settings)
    quota = quota_of(settings, GERMAN, hashed)
    assert quota == quota_of(settings, "+49 30 123456", hashed) != quota_of(settings, FRENCH, hashed)
    one, two = (CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    assert [one.enter(sid(1), 9, quota), two.enter(sid(2), 9, quota)] == ["new", "caller_at_once"]
    one.close()
    two.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert quota.caller.encode() in kept
    assert GERMAN[1:].encode() not in kept


@pytest.mark.parametrize("number", ["", WITHHELD, *SPELLED, "sip:anna@example.com", "Anonymous"])
def test_who_shows_no_number_has_no_quota(number: str) -> None:
    settings = load_settings({"TWILIO_AUTH_TOKEN": "0123456789abcdef", "BOT_CALLS_PER_NUMBER": "1"})
    assert not quota_of(settings, number, storeless_hash(settings)).limited


def test_no_hash_and_no_limit_is_no_quota(registry: CallRegistry) -> None:
    for quota in (CallerQuota("", 1, 1), CallerQuota("anna", 0, 0)):
        assert {registry.enter(new_call_sid(), 99, quota) for _ in range(5)} == {"new"}


def test_a_full_house_comes_before_a_quota_and_leaves_no_trace(registry: CallRegistry) -> None:
    quota = CallerQuota("anna", per_minute=1)
    assert registry.enter(sid(1), 0, quota) == "full"
    assert registry.enter(sid(1), 1, quota) == "new"


CALLERS = 10_000


def test_those_who_rang_long_ago_are_forgotten(clock: Clock) -> None:
    registry = CallRegistry(clock)
    for number in range(CALLERS):
        registry.enter(sid(number), 10**6, CallerQuota(f"caller {number}", 1, 1))
        registry.end(sid(number), "caller_hung_up")
    clock.now_s += DAY_S
    registry.enter(sid(CALLERS), 10**6, CallerQuota("anna", 1, 1))
    assert registry.enter(sid(CALLERS + 1), 10**6, CallerQuota("anna", 1, 1)) == "caller_at_once"
    assert registry._db.execute("SELECT count(DISTINCT caller) FROM calls").fetchone() == (1,)


# ---- a machine that is too busy ----


def test_a_single_stall_is_no_load_and_calm_comes_with_a_margin() -> None:
    load = Load(100)
    changes = []
    lags_ms = [2_000, 1, 1, 1, 1, 1, *[150] * 5, *[80] * 5, *[40] * 5]
    for second, lag_ms in enumerate(lags_ms):
        if load.lag(lag_ms / 1000):
            changes.append((second, load.high))
    assert changes == [(8, True), (18, False)]


def test_the_first_seconds_of_a_process_say_nothing() -> None:
    load = Load(100)
    assert [load.lag(1.0) for _ in range(SAMPLES)] == [False] * (SAMPLES - 1) + [True]


def test_no_limit_is_never_too_late() -> None:
    load = Load(0)
    assert not any(load.lag(60) for _ in range(20))


async def test_a_loop_that_is_too_late_takes_no_new_call_and_says_so() -> None:
    async with standing(GREETING, BOT_MAX_LAG_MS="100") as desk:
        before = new_call_sid()
        assert await rings(desk, GERMAN, before) == "Connect"
        for _ in range(SAMPLES):
            desk.calls.admission.load.lag(0.2)
        assert await desk.ready() == (200, "full\n")
        assert await rings(desk, GERMAN) == "Reject busy"
        assert await rings(desk, GERMAN, before) == "Connect"
        assert (await found(desk))["webhooks_refused_total", "overloaded"] == 1
        for _ in range(SAMPLES):
            desk.calls.admission.load.lag(0.01)
        assert await desk.ready() == (200, "ready\n")
        await desk.calls.departure.close()


async def test_there_is_somewhere_else_to_go() -> None:
    elsewhere = "https://elsewhere.example.com/voice"
    async with standing(GREETING, BOT_MAX_CALLS="1", BOT_OVERFLOW_URL=elsewhere) as desk:
        assert await rings(desk, GERMAN) == "Connect"
        assert await rings(desk, FRENCH) == f"Redirect {elsewhere}"
        await desk.calls.departure.close()


def test_calls_that_find_no_room_are_not_sent_in_a_circle() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"PUBLIC_URL": "https://bot.example.com/a", "BOT_OVERFLOW_URL": "https://BOT.example.com/b"})
    assert caught.value.problems == [
        "BOT_OVERFLOW_URL must be on another host than PUBLIC_URL, or a call that finds no room would come back."
    ]


# ---- the bot's own goodbye ----

BYE = Reply([Spoken(pattern(300, "bye"), "Goodbye.")], pacing=QUICK)


async def test_a_call_that_is_too_long_ends_with_a_goodbye() -> None:
    async with standing(GREETING, BYE, BOT_MAX_CALL_SECONDS="1") as desk:
        phone = a_phone()
        result = await desk.dial(phone)
        assert heard(phone) == GREETING.items[0].audio + BYE.items[0].audio
        assert (result.ending, result.hung_up_by, result.said) == ("hangup", "bot", [])
        await desk.quiet()
        assert desk.reasons == ["time_limit"]


async def test_a_silent_caller_is_asked_twice_and_told_goodbye() -> None:
    there = Reply([Spoken(pattern(200, "there"), "Are you still there?")], pacing=QUICK)
    async with standing(GREETING, there, there, BYE, BOT_IDLE_SECONDS="0.3") as desk:
        phone = a_phone()
        result = await desk.dial(phone)
        spoken = [reply.items[0].audio for reply in (GREETING, there, there, BYE)]
        assert heard(phone) == b"".join(spoken)
        assert (result.ending, result.hung_up_by, result.said) == ("hangup", "bot", [])
        await desk.quiet()
        assert desk.reasons == ["idle"]
