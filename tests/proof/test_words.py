"""The transcript's cut in virtual time: some cuts of each situation; `python -m tests.proof words` does thousands."""

from __future__ import annotations

import pytest

from tests.proof.situations import SITUATIONS, Situation
from tests.proof.speech import LEADS, Lead
from tests.proof.words import SHARE, UNFINISHED, Count, count, naive

SOME = 4
SPOKEN_AHEAD = tuple(lead for lead in LEADS if lead != "whole text first")
CUT = tuple(situation for situation in SITUATIONS if situation.interrupts)


def together(situation: Situation, found: list[Count]) -> Count:
    misses = tuple(miss for one in found for miss in one.misses)
    faults = tuple(fault for one in found for fault in one.faults)
    return Count(situation.name, "steady", misses, faults)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_the_transcript_is_cut_within_two_words_of_what_the_phone_played(situation: Situation) -> None:
    found = together(situation, [count(situation, lead, SOME) for lead in SPOKEN_AHEAD])
    print(found.row())
    assert len(found.misses) >= len(SPOKEN_AHEAD) * SOME
    assert not found.faults
    assert found.within >= SHARE, found.row()


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_a_text_that_comes_whole_at_once_is_cut_too_and_never_in_an_unheard_item(situation: Situation) -> None:
    found = count(situation, "whole text first", SOME)
    assert not found.faults
    assert found.within >= (0.6 if situation.name in UNFINISHED else 0.85), found.row()


def test_a_cut_in_proportion_to_what_has_come_fails() -> None:
    situation = next(one for one in SITUATIONS if one.name == "still generating")
    found = together(situation, [count(situation, lead, SOME, naive) for lead in SPOKEN_AHEAD])
    assert not found.faults
    assert found.within < 0.8, found.row()


@pytest.mark.slow
@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("situation", CUT, ids=lambda situation: situation.name)
def test_hundreds_of_cuts_of_each_situation(situation: Situation, lead: Lead) -> None:
    found = count(situation, lead, 200, seed="slow")
    print(found.row())
    assert found.good, found.row()
