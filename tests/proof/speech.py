"""Speech whose every word has a known time, and text that runs ahead of it: what the transcript's cut is judged by.

How long a word takes follows one of three laws, and none is the estimator's own alone: by letters, by syllables, or
any word alike; each with chance on top, pauses behind punctuation, hesitations, and silence at both ends.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.testing.agent import Spoken, pattern

Lead = Literal["steady", "wandering", "growing", "shrinking", "erratic", "whole text first"]
LEADS: tuple[Lead, ...] = ("steady", "wandering", "growing", "shrinking", "erratic", "whole text first")
LEAST_LEAD_MS, MOST_LEAD_MS = 300.0, 2_000.0

_VOCABULARY = (
    "a an and are as at be by can do for from have he her I if in is it me my no not of on or our please she so than "
    "that the their them then there they this to up was we well what when which will with would yes you your about "
    "after again also answer any back because been before best better between both call change check could day "
    "different each early even every first found give good great hear help here hour just keep know last later leave "
    "letter line little long look made make many minute moment month more most much name need never new next nothing "
    "number office only open order other over people place point question reach right same second send several should "
    "small something soon still sure take talk tell thank thing think though three through today together tomorrow "
    "two under until very wait want week where while work year appointment available certainly confirmation delivery "
    "department information international invoice opportunity particular reservation representative responsibility "
    "telephone understand unfortunately 3 7 12 40 250"
)
_WORDS = _VOCABULARY.split()


def _by_letters(word: str) -> float:
    return 60 + 52 * len(word)


def _by_syllables(word: str) -> float:
    return 50 + 165 * max(1, len(re.findall(r"[aeiouyAEIOUY]+|\d", word)))


def _alike(word: str) -> float:
    return 300 if len(word) > 2 else 160


LAWS: tuple[Callable[[str], float], ...] = (_by_letters, _by_syllables, _alike)


@dataclass(frozen=True)
class Speaker:
    """`pace` 1 is usual, 1.25 slow; `law` gives a word's length in ms."""

    pace: float
    law: Callable[[str], float]

    @classmethod
    def any(cls, rng: random.Random) -> Speaker:
        return cls(rng.choice((0.8, 0.9, 1.0, 1.1, 1.25)), rng.choice(LAWS))


@dataclass(frozen=True)
class Said:
    """An item as spoken. `ends_ms` is when each of its words has been spoken."""

    spoken: Spoken
    ends_ms: tuple[float, ...]

    def n_words(self, played_ms: float) -> int:
        """Number of words that had been spoken to their end."""
        return bisect_right(self.ends_ms, played_ms)


def say(rng: random.Random, speaker: Speaker, audio_ms: int, lead: Lead) -> Said:
    """About `audio_ms` of speech: so long exactly, with 0 to 900 ms of silence at its end."""
    at, ends, words = rng.uniform(30, 300), list[float](), list[str]()
    latest = audio_ms - rng.choice((0, rng.uniform(0, 300), rng.uniform(300, 900)))
    in_sentence = misfits = 0
    while misfits < 10:
        word = rng.choice(_WORDS)
        length = speaker.law(word) * speaker.pace * min(max(rng.lognormvariate(0, 0.25), 0.5), 2.0)
        if at + length > latest:
            misfits += 1
            continue
        at += length
        ends.append(at)
        in_sentence += 1
        mark, pause = _pause(rng, in_sentence)
        in_sentence = 0 if mark in {".", "?", "!"} else in_sentence
        words.append(word + mark)
        at += pause * speaker.pace
    text = " ".join(words)
    announced = _announced(rng, ends, lead)
    return Said(Spoken(pattern(audio_ms, f"{text} {rng.random()}"), text, announced), tuple(ends))


def _pause(rng: random.Random, in_sentence: int) -> tuple[str, float]:
    """The mark that follows a word, and for how many ms nothing is said then."""
    if in_sentence > 3 and rng.random() < 0.12:
        return rng.choice(".?!"), rng.uniform(300, 700)
    if rng.random() < 0.1:
        return ",", rng.uniform(120, 350)
    return "", rng.uniform(150, 500) if rng.random() < 0.02 else 0.0


def _announced(rng: random.Random, ends: Sequence[float], lead: Lead) -> tuple[int, ...]:
    """Times at which each word's text leaves, in ms of audio. No later word leaves before an earlier one."""
    steady = rng.uniform(LEAST_LEAD_MS, MOST_LEAD_MS)
    wandering, found = steady, list[float]()
    for number, end in enumerate(ends):
        share = number / max(len(ends) - 1, 1)
        wandering = min(max(wandering + rng.gauss(0, 120), LEAST_LEAD_MS), MOST_LEAD_MS)
        ahead = {
            "steady": steady,
            "wandering": wandering,
            "growing": LEAST_LEAD_MS + share * (MOST_LEAD_MS - LEAST_LEAD_MS),
            "shrinking": MOST_LEAD_MS - share * (MOST_LEAD_MS - LEAST_LEAD_MS),
            "erratic": rng.uniform(LEAST_LEAD_MS, MOST_LEAD_MS),
            "whole text first": end,
        }[lead]
        found.append(end - ahead)
    for number in range(len(found) - 2, -1, -1):
        found[number] = min(found[number], found[number + 1])
    return tuple(max(0, round(at)) for at in found)
