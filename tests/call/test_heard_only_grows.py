"""Audio that counts as heard: an echo proves what lies before it and no more, and nothing heard becomes unheard."""

from __future__ import annotations

import pytest

from bot.call.inputs import PhoneRoom
from bot.call.settings import CallSettings
from tests.call.delayed_line import MS, Wire
from tests.call.prompts.test_announcement import WORDS
from tests.call.scripted_call import ScriptedCall, audio, echo, speaks, start


def ear(ms: int = 20_000) -> ScriptedCall:
    """A call that begins with an announcement of so many ms, all of which is out. Its marks: each 6 s, then the end."""
    desk = ScriptedCall(CallSettings(announcement=WORDS, announcement_audio=audio(ms)), ready=False)
    desk.give(start())
    desk.give(PhoneRoom())
    return desk


@pytest.mark.parametrize("middle", ["e0.1", "e0.2", "e0.3"])
def test_an_echo_in_the_middle_of_an_announcement_does_not_prove_its_end(middle: str) -> None:
    """They may have hung up, or the line have died: until the last mark is back nobody is recorded."""
    desk = ear()
    desk.at(1).give(echo("e0.0"))
    desk.at(20_001).give(echo(middle))
    assert not desk.call.announced
    desk.at(21_000).give(PhoneRoom())
    assert not desk.call.announced
    desk.at(21_001).give(echo("e0.4"))
    assert desk.call.announced


def test_echoes_up_to_the_last_but_one_prove_no_more_than_they_stand_behind() -> None:
    desk = ear()
    for at_ms, name in ((1, "e0.0"), (6_001, "e0.1"), (12_001, "e0.2"), (18_001, "e0.3")):
        desk.at(at_ms).give(echo(name))
        assert not desk.call.announced
    desk.at(20_500).give(PhoneRoom())
    assert not desk.call.announced


def test_what_was_heard_stays_heard_when_echoes_say_that_the_phone_is_late() -> None:
    wire = Wire(echoes="never")
    wire.speak("A", 4_000, pieces_ms=250)
    names = [name for _, name in wire.marks]
    wire.ledger.echo(names[0], 0)
    wire.until_us(1_000 * MS)
    assert wire.heard_ms("A") == 1_000
    wire.ledger.echo(names[1], wire.now_us)
    wire.until_us(1_200 * MS)
    wire.ledger.echo(names[2], wire.now_us)  # both were due long ago
    assert wire.ledger.late_us > 400 * MS
    assert wire.heard_ms("A") == 1_000
    wire.until_us(1_300 * MS)
    assert wire.heard_ms("A") == 1_000
    (entry,) = wire.cut()
    assert entry.heard == 8_000
    wire.until_us(9_000 * MS)
    assert entry.heard == 8_000


def test_a_cut_tells_the_model_no_less_than_an_earlier_look_has_claimed() -> None:
    """Two cuts of one answer, the first refused: echoes that come between them late take nothing back."""
    told = []
    for late in (False, True):
        desk = ScriptedCall()
        out = desk.reply("R1", A=4_000)
        names = [word.split()[1] for word in out if word.startswith("mark")]
        desk.at(0).give(echo(names[0]))
        desk.at(1_500).tick()
        if late:
            desk.call.playout.ledger.heard(desk.now_us)  # claimed, as for the transcript
            desk.give(*(echo(name) for name in names[1:3]))
        cut = desk.give(speaks())
        told += [word for word in cut if word.startswith("truncate")]
    assert told == ["truncate A at 1500"] * 2
