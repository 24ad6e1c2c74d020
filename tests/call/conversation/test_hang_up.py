from __future__ import annotations

from bot.call.conversation.hang_up import NOT_NOW, HangUp
from bot.realtime.items import function_call_output
from tests.call.scripted_call import no_session


def test_a_hang_up_is_asked_for_once_and_dropped_once() -> None:
    ending = HangUp(no_session())
    assert not ending.asked
    assert ending.drop() is None
    ending.ask("call_1")
    assert ending.asked
    assert ending.drop() == function_call_output("call_1", NOT_NOW)
    assert not ending.asked
    assert ending.drop() is None
