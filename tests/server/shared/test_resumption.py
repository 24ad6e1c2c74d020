"""The past of a call that this process had: what must not begin anew when it is carried on here."""

from __future__ import annotations

from bot.call.inputs import ToolDone
from bot.call.settings import CallSettings
from bot.server.shared.resumption import NOBODY, Past, carrying_on, past_of
from tests.call.scripted_call import ScriptedCall
from tests.call.tool_calls.test_tools_in_a_call import asked, calls, rules, running

ONCE = rules(once=True)


def carried(desk: ScriptedCall, before: Past) -> tuple[Past, CallSettings]:
    past = past_of(desk.call, before, NOBODY, 60.0)
    return past, carrying_on(ONCE, past, 60.0)


def test_a_tool_that_runs_once_has_run_for_a_caller_who_is_back_from_transfers_again_and_again() -> None:
    desk = running(ONCE)
    desk.give(ToolDone("call_1", "1"))
    past = Past(0.0)
    for _ in range(3):
        past, settings = carried(desk, past)
        desk = asked(settings)
        assert desk.give(calls()) == ["item function_call_output call_1"]
    assert past.used == ("look_up",)


def test_a_tool_that_has_not_run_may() -> None:
    past, settings = carried(asked(ONCE), Past(0.0))
    assert (past.used, [one.ran for one in settings.tools]) == ((), [False, False])


def test_tries_at_digits_for_a_tool_add_up_over_all_the_times_that_the_call_was_carried_on() -> None:
    desk = asked(ONCE)
    desk.call.secret_tries["pay"] += 1
    assert past_of(desk.call, Past(0.0, tries={"pay": 1, "pin": 2}), NOBODY, 60.0).tries == {"pay": 2, "pin": 2}
