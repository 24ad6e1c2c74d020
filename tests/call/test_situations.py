"""The eight situations that bridges get wrong, each with the exact messages that are due (how-it-works ledger 3).

The line has no delay here: every number follows from when audio was sent and when the caller spoke.
"""

from __future__ import annotations

from tests.call.scripted_call import (
    ScriptedCall,
    added,
    audio_done,
    committed,
    created,
    delta,
    done,
    echo,
    item_done,
    speaks,
    stops,
    words,
)


def asked(desk: ScriptedCall) -> ScriptedCall:
    """The caller has asked something: the model may answer."""
    assert desk.give(speaks(), stops(), committed()) == []
    return desk


def test_cut_in_a_fully_generated_reply() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    assert desk.reply("R1", A=4_000) == ["mark e0.0", "media 4000", "mark e0.1"]
    assert desk.give(echo("e0.0")) == []
    assert desk.at(2_500).give(speaks()) == ["clear", "truncate A at 1500"]
    assert desk.give(echo("e0.1")) == []
    assert desk.give(speaks()) == []


def test_cut_while_still_generating_with_audio_in_flight() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    assert desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 200)) == ["mark e0.0", "media 200", "mark e0.1"]
    assert desk.give(echo("e0.0")) == []
    assert desk.at(1_050).give(delta("R1", "A", 800)) == ["media 800", "mark e0.2"]
    assert desk.at(1_700).give(speaks()) == ["clear", "truncate A at 700"]
    assert desk.give(delta("R1", "A", 400), delta("R1", "A", 400)) == []
    assert desk.give(audio_done("R1", "A"), item_done("A"), done("R1", "cancelled")) == []
    assert desk.call.counts["late_deltas"] == 2
    assert desk.at(3_000).give(stops(), committed(), created("R2"), delta("R2", "B", 100)) == ["mark e1.0", "media 100"]


def test_two_items_queued_and_cut_in_the_first() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    assert desk.reply("R1", A=1_000, B=2_000) == [
        "mark e0.0", "media 1000", "mark e0.1", "mark e0.2", "media 2000", "mark e0.3",
    ]  # fmt: skip
    assert desk.at(1_600).give(speaks()) == ["clear", "truncate A at 600", "delete B"]


def test_two_items_queued_and_cut_in_the_first_while_the_second_is_being_made() -> None:
    """B may only be deleted once it stands finished."""
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000), audio_done("R1", "A"), item_done("A"))
    desk.give(added("R1", "B"), delta("R1", "B", 500))
    assert desk.at(1_600).give(speaks()) == ["clear", "truncate A at 600"]
    assert desk.give(item_done("B")) == ["delete B"]
    assert desk.give(done("R1", "cancelled")) == []


def test_two_items_queued_and_cut_in_the_second() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=1_000, B=2_000)
    assert desk.at(2_300).give(speaks()) == ["clear", "truncate B at 300"]


def test_a_cut_right_after_a_cut() -> None:
    """The second must not count from the first reply, nor from its marks that come back late."""
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=4_000)
    assert desk.at(2_500).give(speaks()) == ["clear", "truncate A at 1500"]
    assert desk.give(stops(), committed()) == []
    assert desk.at(2_600).reply("R2", B=3_000) == ["mark e1.0", "media 3000", "mark e1.1"]
    assert desk.give(echo("e0.0"), echo("e0.1"), echo("e1.0")) == []
    assert desk.at(2_850).give(speaks()) == ["clear", "truncate B at 250"]


def test_the_second_turn_after_an_uninterrupted_first() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=1_000)
    assert desk.at(2_000).give(echo("e0.0"), echo("e0.1")) == []
    assert asked(desk.at(4_000)).at(5_000).reply("R2", B=2_000) == ["mark e0.2", "media 2000", "mark e0.3"]
    assert desk.at(5_700).give(speaks()) == ["clear", "truncate B at 700"]


def test_a_caller_who_speaks_after_the_reply_has_been_heard_to_its_end() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=1_000)
    desk.give(echo("e0.0"))
    assert desk.at(2_000).give(echo("e0.1")) == []
    assert desk.at(2_100).give(speaks()) == []


def test_a_caller_who_speaks_when_the_reply_is_over_but_not_confirmed() -> None:
    """Still interruptible: a byte may be on its way. All of it was heard by the clock, so nothing is truncated."""
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=1_000)
    assert desk.at(2_100).give(speaks()) == ["clear"]


def test_a_reply_whose_generation_stalled_in_the_middle() -> None:
    """A second played, two seconds dry, then the rest: the dry time was not heard."""
    desk = asked(ScriptedCall()).at(1_000)
    assert desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000)) == [
        "mark e0.0",
        "media 1000",
        "mark e0.1",
    ]
    assert desk.give(echo("e0.0")) == []
    assert desk.at(2_000).give(echo("e0.1")) == []
    assert desk.at(4_000).give(delta("R1", "A", 2_000)) == ["media 2000", "mark e0.2"]
    assert desk.at(4_500).give(speaks()) == ["clear", "truncate A at 1500"]


def test_a_cut_inside_the_stall_is_at_all_that_came() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 1_000), echo("e0.0"))
    desk.at(2_000).give(echo("e0.1"))
    assert desk.at(3_000).give(speaks()) == ["truncate A at 1000"]
    assert desk.give(delta("R1", "A", 2_000)) == []


# ---- around the eight ----


def test_a_cut_before_any_audio_suppresses_the_response_and_deletes_its_item() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"))
    assert desk.at(1_100).give(speaks()) == []
    assert desk.give(delta("R1", "A", 500)) == []
    assert desk.give(item_done("A")) == ["delete A"]
    assert desk.give(done("R1", "cancelled")) == []


def test_an_item_announced_after_the_cut_is_deleted_with_its_response() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"))
    desk.give(speaks())
    assert desk.give(added("R1", "A")) == []
    assert desk.give(done("R1", "cancelled")) == ["delete A"]


def test_less_than_a_millisecond_heard_is_not_heard() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.reply("R1", A=1_000)
    assert desk.at(1_000.999).give(speaks()) == ["clear", "delete A"]


def test_a_cut_item_of_two_contents_is_deleted_once() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 500, 0), delta("R1", "A", 500, 1), done("R1"))
    assert desk.give(speaks()) == ["clear", "delete A"]


def test_a_truncate_is_never_above_the_bytes_received() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"), delta("R1", "A", 101), delta("R1", "A", 33))
    assert desk.at(60_000).give(speaks()) == ["truncate A at 134"]


def test_the_transcript_says_where_it_was_cut() -> None:
    desk = asked(ScriptedCall()).at(1_000)
    desk.give(created("R1"), added("R1", "A"), words("R1", "A", "one two three four"), delta("R1", "A", 1_800))
    desk.give(audio_done("R1", "A"), item_done("A"))
    desk.give(added("R1", "B"), words("R1", "B", "never heard"), delta("R1", "B", 1_800), done("R1"))
    desk.at(1_800).give(speaks())
    caller, first, second = desk.call.transcript.turns
    assert caller.who == "caller"
    assert (first.text, first.unheard, first.cut) == ("one two", "three four", True)
    assert (second.text, second.unheard, second.cut) == ("", "never heard", True)
