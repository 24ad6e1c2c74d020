"""Callers who show a number, callers who withhold it, and lists of both."""

from __future__ import annotations

import pytest

from bot.config.values.caller_lists import among, e164, parse_callers, withheld

TOLD = ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "+7378742883"]
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a keypad, and RESTRICTED as it is seen too."""
NOBODY = [
    *TOLD,
    *(f"+1{number[1:]}" for number in TOLD),
    *(number[1:] for number in TOLD),
    *("+1 (737) 874-2833", "", " ", "anonymous", "Anonymous", "ANONYMOUS", "Restricted", "blocked", "Unknown"),
    *(
        "unavailable",
        "Private",
        "withheld",
        "+anonymous",
        "sip:anonymous@anonymous.invalid",
        "sip:Restricted@host:5060",
    ),
    *("sips:+266696687@host;user=phone", "sip:unknown"),
]


@pytest.mark.parametrize("number", NOBODY)
def test_a_withheld_number_is_nobodys(number: str) -> None:
    assert withheld(number)
    assert e164(number) == ""
    assert among(e164(number), ("withheld",))
    assert not among(e164(number), ("+1", "+2", "+7", "+8"))


@pytest.mark.parametrize(
    "number",
    [
        *("+17378742834", "+17378742823", "+12562533001", "+26669668", "+2666966870", "+8628245225", "+862824522531"),
        *("+15555550142", "+49301234567", "+73787428330", "+25625330000", "+117378742833"),
    ],
)
def test_one_that_is_like_it_is_somebodys(number: str) -> None:
    assert not withheld(number)
    assert e164(number) == number
    assert not among(e164(number), ("withheld",))


@pytest.mark.parametrize("address", ["client:ann", "sip:ann@example.com", "sip:1001@unknown", "whatsapp:+15555550142"])
def test_an_address_shows_no_number_and_is_not_withheld(address: str) -> None:
    assert not withheld(address)
    assert e164(address) == ""


@pytest.mark.parametrize("number", [number for number in NOBODY if number.strip()])
def test_a_list_may_name_those_who_withhold_theirs_by_any_of_these(number: str) -> None:
    assert parse_callers(f"+49, {number}") == ("+49", "withheld")
