"""What a call tells is told in its order, one thing a turn of the loop, and none of it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.call.facts import Fact, WaitFact
from bot.call.outputs import Report
from bot.server.calls.told_later import MOST, ToldLater
from tests.server.simulated_server import standing, until


class Reader:
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []
        self.then: Callable[[], None] = lambda: None

    def tell(self, told: Fact | Report, now_us: int) -> None:
        self.told.append((told.event if isinstance(told, Report) else type(told).__name__, now_us))
        then, self.then = self.then, lambda: None
        then()


async def test_each_turn_of_the_loop_tells_one_thing() -> None:
    reader = Reader()
    later = ToldLater(reader.tell)
    for number in range(3):
        later.put(Report(f"e{number}"), number)
    seen = [len(reader.told)]
    for _ in range(4):
        await asyncio.sleep(0)
        seen.append(len(reader.told))
    assert seen == [0, 1, 2, 3, 3]
    assert reader.told == [("e0", 0), ("e1", 1), ("e2", 2)]


async def test_what_is_told_of_while_something_is_told_comes_a_turn_later() -> None:
    reader = Reader()
    later = ToldLater(reader.tell)
    reader.then = lambda: later.put(WaitFact("clear", 1), 7)
    later.put(Report("first"), 5)
    await asyncio.sleep(0)
    assert reader.told == [("first", 5)]
    await asyncio.sleep(0)
    assert reader.told == [("first", 5), ("WaitFact", 7)]


async def test_at_the_end_all_is_told_at_once_and_nothing_twice() -> None:
    reader = Reader()
    later = ToldLater(reader.tell)
    later.put(Report("first"), 1)
    later.put(Report("second"), 2)
    later.flush()
    later.put(Report("third"), 3)
    for _ in range(4):
        await asyncio.sleep(0)
    assert [name for name, _ in reader.told] == ["first", "second", "third"]


async def test_a_listener_that_fails_costs_no_other_thing_its_telling() -> None:
    reader = Reader()

    def fail() -> None:
        raise LookupError

    later = ToldLater(reader.tell)
    reader.then = fail
    for number in range(3):
        later.put(Report(f"e{number}"), number)
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context["exception"]))
    for _ in range(4):
        await asyncio.sleep(0)
    assert [name for name, _ in reader.told] == ["e0", "e1", "e2"]
    assert [type(one) for one in failed] == [LookupError]


async def test_who_tells_of_too_much_waits_for_it() -> None:
    reader = Reader()
    later = ToldLater(reader.tell)
    for number in range(MOST + 7):
        later.put(Report(f"e{number}"), number)
    assert [at for _, at in reader.told] == list(range(7))
    later.flush()
    assert [at for _, at in reader.told] == list(range(MOST + 7))


async def test_who_follows_a_call_is_told_at_once_and_log_and_record_behind_the_step() -> None:
    follower, record = Reader(), Reader()
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: any(line["event"] == "begun" for line in desk.logs))
            hand.bridge.on_told.append(follower.tell)
            hand.bridge.on_written.append(record.tell)
            hand.bridge.warn("first")
            hand.bridge.warn("second")
            assert [name for name, _ in follower.told] == ["first", "second"]
            assert (record.told, desk.logged("first")) == ([], [])
            await until(lambda: len(record.told) == len(follower.told))
            assert record.told == follower.told
            assert len(desk.logged("first")) == len(desk.logged("second")) == 1
            await hand.socket.send_str(hand.texts.stop())
            await hand.closed()
        await desk.quiet()


async def test_what_led_to_a_defect_stands_before_it_in_the_log() -> None:
    async with standing() as desk:
        async with desk.stream() as hand:
            await until(lambda: any(line["event"] == "begun" for line in desk.logs))
            before = len(desk.logs)
            hand.bridge.warn("first")
            hand.bridge.warn("second")
            hand.bridge._feed = None  # type: ignore[assignment,method-assign]
            hand.bridge.shutdown("drained")
            assert [line["event"] for line in desk.logs[before:]][:3] == ["first", "second", "internal_error"]
            await hand.closed()
        await desk.quiet()
        desk.logs.clear()  # the defect is what is looked for
