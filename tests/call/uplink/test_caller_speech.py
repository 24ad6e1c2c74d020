"""Times at which the caller spoke, by what the session says of its input audio."""

from __future__ import annotations

from bot.call.uplink.caller_speech import REMEMBERED, CallerSpeech
from bot.call.uplink.frames_and_gaps import Uplink
from bot.realtime.events import SpeechStarted, SpeechStopped
from bot.realtime.session import SessionSettings, TurnDetection
from tests.call.scripted_call import MS, frame

SERVER, SEMANTIC = TurnDetection(), TurnDetection(type="semantic_vad")


def listening(from_us: int, ms: int) -> Uplink:
    """The line has brought `ms` of audio since `from_us`."""
    found = Uplink()
    found.appended.ready = True
    found.start(from_us)
    for at in range(0, ms, 20):
        found.frame(frame(at), from_us + (at + 20) * MS)
    return found


def test_padding_and_silence_are_taken_off() -> None:
    """The stream's first byte came at 5,000."""
    speech = CallerSpeech(SessionSettings(turn_detection=SERVER), listening(5_000 * MS, 3_000))
    speech.started(SpeechStarted(1_000, "U"), 8_000 * MS)
    assert speech.stopped(SpeechStopped(2_900, "U"), 8_005 * MS) == 7_400 * MS
    assert speech.take("U", 8_005 * MS) == (6_300 * MS, 7_400 * MS)


def test_they_are_whatever_was_asked_of_the_session() -> None:
    asked = TurnDetection(prefix_padding_ms=100, silence_duration_ms=200)
    speech = CallerSpeech(SessionSettings(turn_detection=asked), listening(0, 3_000))
    speech.started(SpeechStarted(1_000, "U"), 3_000 * MS)
    speech.stopped(SpeechStopped(2_900, "U"), 3_000 * MS)
    assert speech.take("U", 3_000 * MS) == (1_100 * MS, 2_700 * MS)


def test_nothing_is_known_of_what_semantic_vad_includes() -> None:
    speech = CallerSpeech(SessionSettings(turn_detection=SEMANTIC), listening(0, 3_000))
    speech.started(SpeechStarted(1_000, "U"), 3_000 * MS)
    speech.stopped(SpeechStopped(2_900, "U"), 3_000 * MS)
    assert speech.take("U", 3_000 * MS) == (1_000 * MS, 2_900 * MS)


def test_a_turn_is_taken_once_and_an_unknown_one_stands_at_its_commit() -> None:
    speech = CallerSpeech(SessionSettings(turn_detection=SERVER), listening(0, 3_000))
    speech.started(SpeechStarted(1_000, "U"), 3_000 * MS)
    speech.stopped(SpeechStopped(2_900, "U"), 3_000 * MS)
    speech.take("U", 3_000 * MS)
    assert speech.take("U", 3_100 * MS) == (3_100 * MS, 3_100 * MS)


def test_a_turn_never_ends_before_it_began() -> None:
    """A cough: its padding and its silence together are longer than all of it."""
    speech = CallerSpeech(SessionSettings(turn_detection=SERVER), listening(0, 3_000))
    speech.started(SpeechStarted(2_400, "U"), 3_000 * MS)
    speech.stopped(SpeechStopped(3_000, "U"), 3_000 * MS)
    assert speech.take("U", 3_000 * MS) == (2_500 * MS, 2_500 * MS)


def test_turns_that_are_never_committed_do_not_add_up() -> None:
    speech = CallerSpeech(SessionSettings(turn_detection=SERVER), listening(0, 100))
    for number in range(REMEMBERED + 1):
        speech.started(SpeechStarted(0, f"U{number}"), 50 * MS)
        speech.stopped(SpeechStopped(600, f"U{number}"), 100 * MS)
    assert speech.take("U0", 200 * MS) == (200 * MS, 200 * MS)
    assert speech.take("U1", 200 * MS) == (100 * MS, 100 * MS)


def test_offsets_on_another_clock_are_not_believed_and_the_moment_of_the_word_counts() -> None:
    """As xAI's are: 227 ms where the caller began after 1,556."""
    speech = CallerSpeech(SessionSettings(dialect="xai"), listening(0, 3_000))
    speech.started(SpeechStarted(227, "U"), 3_000 * MS)
    assert speech.stopped(SpeechStopped(432, "U"), 3_000 * MS) == 2_500 * MS
    assert speech.take("U", 3_000 * MS) == (2_500 * MS, 2_500 * MS)
