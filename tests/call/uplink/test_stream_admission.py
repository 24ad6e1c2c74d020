"""Admission of streams: which one is this call's."""

from __future__ import annotations

import pytest

from bot.call.playout.playout_queue import PlayoutQueue
from bot.call.settings import CallSettings
from bot.call.step import Step
from bot.call.uplink.stream_admission import StreamAdmission
from bot.twilio.stream import MediaFormat, StartPart

MULAW = MediaFormat("audio/x-mulaw", 8000, 1)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (StartPart("MZ1", "AC1", "CA1", MULAW), ""),
        (StartPart("MZ1", "AC1", "CA2", MULAW), "another call or account"),
        (StartPart("MZ1", "AC2", "CA1", MULAW), "another call or account"),
        (StartPart("MZ1", "AC1", "", MULAW), "another call or account"),
        (StartPart("MZ1", "AC1", "CA1", MediaFormat("audio/x-alaw", 8000, 1)), "audio/x-alaw at 8000"),
        (StartPart("MZ1", "AC1", "CA1", MediaFormat("audio/x-mulaw", 16000, 1)), "audio/x-mulaw at 16000"),
        (StartPart("MZ1", "AC1", "CA1", MediaFormat("audio/x-mulaw", 8000, 2)), "not mu-law"),
    ],
)
def test_a_stream_of_another_call_or_format_is_objected_to(start: StartPart, why: str) -> None:
    admission = StreamAdmission(CallSettings(call_sid="CA1", account_sid="AC1"), Step(), PlayoutQueue())
    objection = admission.objection(start)
    assert why in objection
    assert bool(objection) == bool(why)


def test_a_call_that_knows_no_sids_takes_any() -> None:
    admission = StreamAdmission(CallSettings(), Step(), PlayoutQueue())
    assert admission.objection(StartPart("MZ1", "AC9", "CA9", MULAW)) == ""


def test_only_the_stream_that_was_taken_is_ours_and_the_others_are_counted() -> None:
    step, playout = Step(), PlayoutQueue()
    admission = StreamAdmission(CallSettings(), step, playout)
    assert not admission.ours("MZ1")
    assert not admission.ours("")
    playout.stream_sid = "MZ1"
    assert [admission.ours(sid) for sid in ("MZ1", "MZ2", "")] == [True, False, False]
    assert step.counts == {"before_start": 2, "foreign_stream": 2}
