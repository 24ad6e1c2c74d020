"""Both registries keep the same promises; the shared one between processes too."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.server.shared.call_registry import CallRegistry
from bot.server.shared.ended_calls import DAY_S
from bot.testing.dialling.dial import new_call_sid
from tests.server.simulated_server import form, standing, until
from tests.server.test_webhooks import verbs

CALL, OTHER = "CA" + "1" * 32, "CA" + "2" * 32


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


def test_a_call_is_new_once_and_waits_then(registry: CallRegistry) -> None:
    assert [registry.enter(CALL, 5), registry.enter(CALL, 5)] == ["new", "waiting"]
    assert registry.counts().live == 1


def test_the_limit_refuses_new_calls_and_no_known_one(registry: CallRegistry) -> None:
    registry.enter(CALL, 1)
    assert [registry.enter(OTHER, 1), registry.enter(CALL, 1), registry.enter(CALL, 0)] == [
        "full",
        "waiting",
        "waiting",
    ]
    registry.end(CALL, "caller_hung_up")
    assert registry.enter(OTHER, 1) == "new"


def test_the_stream_of_a_call_whose_process_died_before_it_came_is_let_in_by_another(
    clock: Clock, tmp_path: Path
) -> None:
    died, other = (CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    told, gone, lives = (f"CA{number:032x}" for number in range(3))
    for call_sid in (CALL, told, gone):
        died.enter(call_sid, 5)
        died.issue(call_sid, b"old")
        died.issue(call_sid, b"new")
    other.enter(lives, 5)
    other.issue(lives, b"new")
    other.end(lives, "line_lost")  # no stream came in time
    other.processes.abandon(1)
    other.asked(told)  # Twilio was told what follows
    other.end(gone, "caller_hung_up")
    claims = [other.claim(CALL, nonce) for nonce in (b"old", b"new", b"new")]
    assert claims == [False, True, False]
    assert not any(other.claim(one, b"new") for one in (told, gone, lives))
    assert (other.known(CALL).outcome, other.owner(CALL), other.counts().live) == (None, 2, 1)
    died.close()
    other.close()


def test_keys_that_were_to_be_pressed_are_no_more_of_a_call_that_is_carried_on(registry: CallRegistry) -> None:
    registry.enter(CALL, 5)
    registry.leave(CALL, "12")
    assert registry.digits.find(CALL) == "12"
    registry.reopen(CALL)
    assert registry.digits.find(CALL) == ""


def test_a_token_works_once_and_only_the_newest(registry: CallRegistry) -> None:
    registry.enter(CALL, 5)
    registry.issue(CALL, b"old")
    registry.issue(CALL, b"new")
    assert not registry.known(CALL).claimed
    assert [registry.claim(CALL, nonce) for nonce in (b"old", b"new", b"new")] == [False, True, False]
    assert registry.known(CALL).claimed
    assert registry.enter(CALL, 5) == "streaming"


def test_a_call_admitted_elsewhere_may_stream_here_once(registry: CallRegistry) -> None:
    assert [registry.claim(CALL, b"n"), registry.claim(CALL, b"n"), registry.claim(CALL, b"m")] == [True, False, False]
    assert registry.counts().live == 1


def test_an_ended_call_is_over_for_a_day(registry: CallRegistry, clock: Clock) -> None:
    registry.enter(CALL, 5)
    registry.issue(CALL, b"n")
    registry.end(CALL, "idle")
    assert registry.known(CALL).outcome == "idle"
    assert registry.enter(CALL, 5) == "over"
    assert not registry.claim(CALL, b"n")
    assert registry.counts().live == 0
    clock.now_s += DAY_S + 1
    assert registry.enter(OTHER, 5) == "new"
    assert registry.enter(CALL, 5) == "new"


def test_ending_twice_counts_once(registry: CallRegistry) -> None:
    registry.enter(CALL, 5)
    registry.enter(OTHER, 5)
    registry.end(CALL, "idle")
    registry.end(CALL, "line_lost")
    assert registry.counts().live == 1


def test_who_has_yet_to_ask_what_follows_is_known_for_a_while(registry: CallRegistry, clock: Clock) -> None:
    for call_sid in (CALL, OTHER):
        registry.enter(call_sid, 5)
    assert registry.counts(3).unasked == 0
    registry.asked(CALL)  # Twilio may ask before both sockets are closed
    registry.end(CALL, "drained", asks=True)
    assert registry.counts(3).unasked == 0
    registry.end(OTHER, "drained", asks=True)
    assert registry.counts(3).unasked == 1
    clock.now_s += 4
    registry.end("CA" + "3" * 32, "caller_hung_up")
    assert registry.counts(3).unasked == 0
    clock.now_s -= 4
    registry.asked(OTHER)
    assert registry.counts(30).unasked == 0


def test_an_unknown_call_has_no_outcome(registry: CallRegistry) -> None:
    assert registry.known(CALL).outcome is None
    assert not registry.known(CALL).claimed


def test_the_calls_of_a_dead_process_are_over(tmp_path: Path, clock: Clock) -> None:
    one, two = (CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    one.enter(CALL, 5)
    two.enter(OTHER, 5)
    assert two.processes.abandon(1) == 1
    assert [two.known(CALL).outcome, two.known(OTHER).outcome] == ["line_lost", None]
    one.close()
    two.close()


def test_a_call_that_another_process_carries_on_is_not_over_when_its_old_stream_is(
    tmp_path: Path, clock: Clock
) -> None:
    one, two = (CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    one.enter(CALL, 5)
    one.claim(CALL, b"nonce")
    two.reopen(CALL)
    one.end(CALL, "line_lost", own=True)
    assert two.known(CALL).outcome is None
    two.end(CALL, "caller_hung_up", own=True)
    assert one.known(CALL).outcome == "caller_hung_up"
    one.close()
    two.close()


def test_a_file_that_can_t_be_written_ends_no_process(tmp_path: Path, clock: Clock) -> None:
    registry = CallRegistry(clock, tmp_path / "calls", 1)
    registry._db.execute("PRAGMA query_only = 1")
    registry.processes.announce(accepting=True)
    registry.close()


async def test_an_end_that_is_told_again_does_not_end_a_call_that_was_carried_on_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.server.directory.call_endings.AGAIN_S", 0.05)
    async with standing() as desk:
        registry, call_sid = desk.calls.registry, new_call_sid()
        await desk.token(call_sid)
        broken = desk.calls.directory.find(call_sid)
        assert broken is not None

        def failing(*_: Any, **__: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patched:
            patched.setattr(registry, "end", failing)
            broken.bridge.shutdown("line_lost")
            await until(lambda: desk.logged("registry_failed"))
        past = desk.calls.past_calls.find(call_sid)
        assert past is not None
        live = desk.calls.starter.resume(call_sid, past)
        await broken.task
        assert (registry.known(call_sid).outcome, registry.counts().live) == (None, 1)
        assert desk.calls.directory.find(call_sid) is live
        live.bridge.shutdown("refused")
        await desk.quiet()
        assert registry.known(call_sid).outcome == "refused"


@pytest.mark.parametrize("told", ["while it could not be written", "before the end was entered"])
async def test_the_end_of_a_call_whose_caller_is_gone_says_so_however_late_it_is_entered(
    told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or its broken stream would be carried on with nobody."""
    monkeypatch.setattr("bot.server.directory.call_endings.AGAIN_S", 0.01)
    async with standing() as desk:
        registry, call_sid, tries, works = desk.calls.registry, new_call_sid(), 0, False
        await desk.token(call_sid)
        broken = desk.calls.directory.find(call_sid)
        assert broken is not None
        end = registry.end

        def failing(*arguments: Any, **named: Any) -> None:
            nonlocal tries
            tries += 1
            if not works:
                raise sqlite3.OperationalError("disk I/O error")
            end(*arguments, **named)

        monkeypatch.setattr(registry, "end", failing)
        broken.bridge.shutdown("line_lost")
        if told == "while it could not be written":
            await until(lambda: tries)
        assert (await desk.post("/voice/status", form(call_sid, "completed")))[0] == 204
        works = True
        await broken.task
        known = registry.known(call_sid)
        assert (known.outcome, registry.counts(60).unasked, registry.counts().live) == ("caller_hung_up", 0, 0)
        assert desk.calls.past_calls.find(call_sid) is None
        assert verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1]) == ["Hangup"]


async def test_an_end_that_the_registry_has_yet_to_take_is_told_to_who_asks_what_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And is not taken for that of a session whose stream never came."""
    async with standing() as desk:
        registry, call_sid = desk.calls.registry, new_call_sid()
        await desk.token(call_sid)
        failed = desk.calls.directory.find(call_sid)
        assert failed is not None

        def failing(*_: Any, **__: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patched:
            patched.setattr(registry, "end", failing)
            failed.bridge.shutdown("model_unavailable")
            await until(lambda: desk.logged("registry_failed"))
            assert verbs((await desk.post("/voice/next", form(call_sid, "in-progress")))[1]) == ["Say", "Hangup"]
        monkeypatch.setattr("bot.server.directory.call_endings.AGAIN_S", 0.01)
        await failed.task
        assert registry.known(call_sid).outcome == "model_unavailable"


async def test_an_end_that_the_registry_can_t_be_told_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.server.directory.call_endings.AGAIN_S", 0.01)
    async with standing() as desk:
        registry, tries = desk.calls.registry, []
        end = registry.end

        def failing(*arguments: Any, **named: Any) -> None:
            tries.append(arguments)
            if len(tries) < 3:
                raise sqlite3.OperationalError("disk I/O error")
            end(*arguments, **named)

        monkeypatch.setattr(registry, "end", failing)
        call_sid = new_call_sid()
        async with desk.stream(call_sid):
            pass
        await until(lambda: registry.known(call_sid).outcome)
        assert (len(tries), len(desk.logged("registry_failed")), registry.counts().live) == (3, 2, 0)


def test_a_process_leaves_the_port_only_to_one_that_accepts_and_was_heard_of(tmp_path: Path, clock: Clock) -> None:
    one, two = (CallRegistry(clock, tmp_path / "calls", owner) for owner in (1, 2))
    one.processes.announce(accepting=False)
    assert not one.processes.others_accept()
    two.processes.announce(accepting=True)
    assert one.processes.others_accept()
    assert not two.processes.others_accept()
    clock.now_s += 10
    assert not one.processes.others_accept()
    one.close()
    two.close()


def _claims(path: Path, nonce: bytes) -> int:
    registry = CallRegistry(Clock(), path)
    won = sum(registry.claim(f"CA{number:032}", nonce) for number in range(200))
    registry.close()
    return won


def test_of_several_processes_exactly_one_claims_each_call(tmp_path: Path) -> None:
    path = tmp_path / "calls"
    CallRegistry(Clock(), path).close()
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])  # or each of them would import it anew
    with processes.Pool(4) as pool:
        won = pool.starmap(_claims, [(path, b"n")] * 4)
    assert sum(won) == 200
