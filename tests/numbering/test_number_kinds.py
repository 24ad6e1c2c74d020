"""Kinds of numbers that are never dialled."""

from __future__ import annotations

import pytest

from bot.numbering.number_kinds import KINDS, kind_of

LINES = {
    "an office in Washington": "+12025550142",
    "a mobile in Germany": "+491701234567",
    "an office in London": "+442079460123",
    "a toll-free line": "+18005550199",
    "Delhi, whose numbers begin with India's 112": "+911123456789",
    "Rome, with the zero that belongs to it": "+390612345678",
}
REFUSED = {
    "emergency, as it is keyed": ("112", "emergency"),
    "emergency in America": ("911", "emergency"),
    "emergency in Britain": ("999", "emergency"),
    "the German police": ("110", "emergency"),
    "emergency with a plus": ("+112", "emergency"),
    "emergency behind a country code": ("+49112", "emergency"),
    "emergency behind America's": ("+1911", "emergency"),
    "digits after 911, which an exchange never reads": ("+19116666666", "emergency"),
    "directory enquiries": ("411", "short"),
    "a short code for texts": ("24273", "short"),
    "a code of the exchange": ("*67", "short"),
    "an American 900 number": ("+19005551234", "premium"),
    "a British 0871 number": ("+448712345678", "premium"),
    "a French premium number": ("+33899123456", "premium"),
    "an Australian 1900 number": ("+611900123456", "premium"),
    "an international premium number": ("+979123456789", "premium"),
    "a German 0180 number": ("+491805123456", "shared_cost"),
    "a Swedish shared-cost number": ("+46771123456", "shared_cost"),
    "a British personal number": ("+447012345678", "personal"),
    "a satellite telephone": ("+881612345678", "satellite"),
    "a network without a country": ("+882161234567", "satellite"),
    "a number of no plan": ("+15555550101", "unknown"),
    "an American number too short": ("+1202555014", "malformed"),
    "a number without its plus": ("12025550142", "malformed"),
    "a number with blanks": ("+1 202 555 0142", "malformed"),
    "an international prefix": ("0012025550142", "malformed"),
    "two numbers": ("+12025550142,+19005551234", "malformed"),
    "digits to be sent after it": ("+12025550142w1", "malformed"),
    "a SIP address": ("sip:+12025550142@example.com", "malformed"),
    "a client": ("client:alice", "malformed"),
    "digits of another script": ("+1202555\u0660142", "malformed"),
    "a line break behind it": ("+12025550142\n", "malformed"),
    "nothing": ("", "malformed"),
}


@pytest.mark.parametrize("number", LINES.values(), ids=LINES)
def test_a_line_of_a_person_or_an_office_may_be_dialled(number: str) -> None:
    assert kind_of(number) is None


@pytest.mark.parametrize(("number", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_is_never_dialled(number: str, kind: str) -> None:
    assert kind_of(number) == kind


def test_every_kind_has_its_sentence_without_a_number_of_the_callee() -> None:
    assert {kind for _, kind in REFUSED.values()} == set(KINDS)
