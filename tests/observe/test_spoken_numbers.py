"""Numbers that people say, and figures that are none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.call.facts import TurnFact
from bot.observe.masking import masker
from bot.observe.spoken_numbers import LEAST_DIGITS, mask_spoken
from bot.server.bookkeeping.call_records import masked_turn


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Meine Nummer ist 0171 1234567.", "Meine Nummer ist **** *****67."),
        ("Rufen Sie 030 12345678 an.", "Rufen Sie *** ******78 an."),
        ("Mon numéro est le 06 12 34 56 78.", "Mon numéro est le ** ** ** ** 78."),
        ("06.12.34.56.78", "**.**.**.**.78"),
        ("06-12-34-56-78", "**-**-**-**-78"),
        ("It's 07911 123456.", "It's ***** ****56."),
        ("Mi número es 612 345 678.", "Mi número es *** *** *78."),
        ("612 34 56 78", "*** ** ** 78"),
        ("612.345.678", "***.***.*78"),
        ("call 555-555-0142", "call ***-***-**42"),
        ("5550142", "*****42"),
        ("555 0142", "*** **42"),
        ("card 4111 1111 1111 1111", "card **** **** **** **11"),
        ("4111-1111-1111-1111", "****-****-****-**11"),
        ("4111111111111111", "**************11"),
        ("4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1", "*-*-*-*-*-*-*-*-*-*-*-*-*-*-1-1"),
        ("0 1 7 1 1 2 3 4 5 6 7", "* * * * * * * * * 6 7"),
        ("0, 1, 7, 1, 1, 2, 3, 4, 5, 6, 7", "*, *, *, *, *, *, *, *, *, 6, 7"),
        ("5, 5, 5, 0, 1, 4, 2", "*, *, *, *, *, 4, 2"),
        ("5. 5. 5. 0. 1. 4. 2.", "*. *. *. *. *. 4. 2."),
        ("+31 6 12345678", "+** * ******78"),
        ("0031 6 12345678", "**** * ******78"),
        ("+44 (0)20 7946 0958", "+** (*)** **** **58"),
        ("020 7946 0958", "*** **** **58"),
        ("(020) 7946 0958", "(***) **** **58"),
        ("+49 (0) 171 / 123 45 67", "+** (*) *** / *** ** 67"),
        ("0171/1234567", "****/*****67"),
        ("0171-123 45 67", "****-*** ** 67"),
        ("DE89 3704 0044 0532 0130 00", "DE** **** **** **** **** 00"),
        ("GB29 NWBK 6016 1331 9268 19", "GB29 NWBK **** **** **** 19"),
        ("NL91 ABNA 0417 1643 00", "NL91 ABNA **** **** 00"),
        ("naught seven nine one one one two three", "****** ***** **** *** *** *** two three"),
        (
            "oh seven nine double one one two three four five six",
            "** ***** **** ****** *** *** *** ***** **** five six",
        ),
        (
            "null eins sieben eins eins zwei drei vier fünf sechs sieben",
            "**** **** ****** **** **** **** **** **** **** sechs sieben",
        ),
        (
            "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit",
            "**** ***, *****, ******-******, *********-***, ********-dix-huit",
        ),
        ("seis uno dos tres cuatro cinco seis siete ocho", "**** *** *** **** ****** ***** **** siete ocho"),
        ("nul zes één twee drie vier vijf zes zeven acht", "*** *** *** **** **** **** **** *** zeven acht"),
        ("five-five-five, oh one four two", "****-****-****, ** *** four two"),
        ("0171, 123, 45, 67.", "****, ***, **, 67."),
        ("0171. 123. 45. 67", "****. ***. **. 67"),
        ("555, 555, 0142", "***, ***, **42"),
        ("+49 171 1234567 and 28.11.2026", "+** *** *****67 and 28.11.2026"),
        ("5550142, 12", "*****42, 12"),
        ("06 12345678", "** ******78"),
        ("1 800 555 0142", "* *** *** **42"),
        ("3782 822463 10005", "**** ****** ***05"),
        ("0032 470 12 34 56", "**** *** ** ** 56"),
        ("+33 (0)6 12 34 56 78", "+** (*)* ** ** ** 78"),
        ("+33612345678", "+*********78"),
        ("oh 7 9 double 1 1 2 3 4 5 6", "** * * ****** * * * * * 5 6"),
        ("٠١٧١١٢٣٤٥٦٧", "*********٦٧"),
        (
            "zero one seven one, one two three, four five six seven",
            "**** *** ***** ***, *** *** *****, **** **** six seven",
        ),
        ("+1 (555) 555-0101", "+* (***) ***-**01"),
        ("0171\u20131234567", "****\u2013*****67"),
        ("0171\xa0123\xa04567", "****\xa0***\xa0**67"),
        ("0171\u20111234567", "****\u2011*****67"),
        ("030 234 12-34", "*** *** **-34"),
        ("030 234 12.34", "*** *** **.34"),
        ("078 123 45 67", "*** *** ** 67"),
        ("Null eins sieben, eins, zwei, drei, vier.", "**** **** ******, ****, ****, drei, vier."),
        ("double four double five double six seven", "****** **** ****** **** ****** six seven"),
        ("zwanzig dreißig vierzig fünfzig", "******* ******* ******* fünfzig"),
        ("einundzwanzig zweiunddreißig dreiundvierzig elf", "************* ************** ************** elf"),
        ("null eins 71, zweiundzwanzig, 33", "**** **** **, **************, 33"),
        ("sechshundertzwölf dreihundertvierundfünfzig zwölf", "***************** ************************* zwölf"),
        ("zwei und zwanzig drei und dreißig vier fünf sechs", "**** und ******* **** und ******* **** fünf sechs"),
        ("doppel sieben null doppelt drei vier fünf sechs", "****** ****** **** ******* **** **** fünf sechs"),
        ("twenty-one forty-two sixty-three twelve", "******-*** *****-*** *****-***** twelve"),
        ("oh seven nine double one treble two three four", "** ***** **** ****** *** ****** *** three four"),
        ("one eight hundred five five five twelve", "*** ***** ******* **** **** **** twelve"),
        (
            "quarante-deux, vingt et un, soixante et onze, quatre-vingt-seize",
            "********-****, ***** et **, ******** et ****, ************-seize",
        ),
        ("six cent douze, nonante-huit, quatre vingt", "*** **** *****, *******-****, quatre vingt"),
        (
            "seis uno dos, treinta y cuatro, cincuenta y seis, veintidós",
            "**** *** ***, ******* y ******, ********* y ****, veintidós",
        ),
        ("seiscientos doce, noventa, diecisiete", "*********** ****, *******, diecisiete"),
        ("nul zes eenentwintig tweeëndertig twaalf", "*** *** ************ ************ twaalf"),
        ("dubbel zeven driehonderdtwaalf zestig", "****** ***** ***************** zestig"),
        ("0171, äh, 1234567", "****, äh, *****67"),
        ("0171 ... ähm ... 1234567", "**** ... ähm ... *****67"),
        ("0171 und dann 123 45 67", "**** und dann *** ** 67"),
        ("0171 und dann die 1234567", "**** und dann die *****67"),
        ("0171 Strich 123 45 67", "**** Strich *** ** 67"),
        ("null eins sieben eins, ja, zwei drei vier fünf", "**** **** ****** ****, ja, **** **** vier fünf"),
        ("555 uh 0142", "*** uh **42"),
        ("five five five, um, oh one, and then four two", "**** **** ****, um, ** ***, and then four two"),
        ("nine one one, sorry, nine one two three", "**** *** ***, sorry, **** *** two three"),
        ("06, euh, 12 34, et puis 56 78", "**, euh, ** **, et puis ** 78"),
        ("612, eh, 345 y luego 678", "***, eh, *** y luego *78"),
        ("06, uh, 12 34 en dan 56 78", "**, uh, ** ** en dan ** 78"),
        ("zero one seven one\u2026 two three four", "**** *** ***** ***\u2026 *** three four"),
    ],
)
def test_a_number_keeps_its_length_and_its_last_two_digits(text: str, masked: str) -> None:
    assert mask_spoken(text) == masked
    assert len(masked) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "In 1999 and 2001.",
        "2024-2026",
        "2024, 2025, 2026",
        "2024 2025",
        "on 28.11.2026 at 14:30",
        "28.11.2026 - 30.11.2026",
        "2026-11-28",
        "11/28/2026",
        "28/11/2026",
        "28 11 2026",
        "28. 11. 2026",
        "4,000 euros",
        "1,234,567 dollars",
        "1.234.567 Euro",
        "1 234 567 euros",
        "€1,234,567.89",
        "$ 1234567",
        "1234567 euros",
        "10,000-20,000 euros",
        "4,000, 5,000, 6,000",
        "3.14159265",
        "52.520008, 13.404954",
        "14.00 - 18.30 Uhr",
        "8.30-12.30 und 14.00-18.00",
        "28.11., 29.11., 30.11.",
        "28.11 - 30.11",
        "10-12, 14-16 Uhr",
        "rooms 101, 102, 103, 104",
        "at 9, 10, 11, 12",
        "pages 12, 13, 14, 15",
        "order 123456",
        "code 4711, then 12",
        "10115 Berlin, Hauptstr. 12",
        "Hauptstr. 12, 10115",
        "I paid 1500. 2000 was too much.",
        "one two three",
        "between 10:30 and 11:30, 12:30, 13:30",
        "24/7/365",
        "from 9 to 5",
        "24/12 - 26/12",
        "one of the six, two or three",
        "I was born on 3.4.1985",
        "3/4/1985, 5/6/1986",
        "10:30, 11:45, 12:15",
        "room 12, 2 nights, 3 adults",
        "call 112 or 911",
        "2026-11-28 18:42:00",
        "100 000 euros",
        "15,000 or 20,000",
        "",
        "No digits here.",
        "1, 2, 3",
        "the year 2026 and room 12345",
        "room 101 and 102",
        "pages 12 and 13 and 14 and 15",
        "10115 und 20095",
        "In 1999 and then 2001",
        "I have 3 and then 4 and then 12",
        "on 28.11.2026 und dann 29.11.2026",
        "I was born in nineteen eighty-five",
        "neunzehnhundertfünfundachtzig",
        "at nine fifteen or ten thirty",
        "zweihunderttausend Euro und dreihunderttausend Euro",
        "three hundred and twenty thousand euros",
        "il y a quatre-vingts personnes et vingt chaises",
        "entre veinte y treinta días",
        "eenentwintig of tweeëntwintig mensen",
        "Ich habe zwei Kinder, eins ist sieben und eins ist acht",
        "well, one or two, and then three",
    ],
)
def test_what_is_no_number_of_anybody_is_left_alone(text: str) -> None:
    assert mask_spoken(text) == text


@given(st.text(alphabet="0123456789", min_size=LEAST_DIGITS, max_size=19), st.data())
def test_a_number_with_its_country_is_masked_however_it_is_grouped(digits: str, data: st.DataObject) -> None:
    said = "".join(digit + data.draw(st.sampled_from(["", " ", "-"])) for digit in digits)
    masked = mask_spoken(f"It is 00{said}9, thank you.")
    assert sum(map(str.isdigit, masked)) == 2


@given(st.lists(st.sampled_from(["oh", "one", "two", "three", "four", "nine", "double"]), min_size=7), st.data())
def test_words_for_digits_are_masked_whatever_stands_between_them(words: list[str], data: st.DataObject) -> None:
    said = words[0] + "".join(data.draw(st.sampled_from([" ", ", ", "-"])) + word for word in words[1:])
    assert re.findall("[a-z]+", mask_spoken(said)) == words[-2:]


def test_a_figure_that_no_integer_holds_is_masked_too() -> None:
    assert mask_spoken(f"{'1' * 5_000}, 22") == f"{'*' * 5_000}, 22"


SAID = {
    "English": (["oh", "seven", "nine"], ["twelve", "twenty-one", "ninety-nine"], [" uh ", ", and then "]),
    "German": (["null", "zwo", "acht"], ["zwölf", "einundzwanzig", "siebzehn"], [", äh, ", " und dann "]),
    "French": (["zéro", "six", "huit"], ["douze", "vingt-quatre", "quinze"], [", euh, ", " et puis "]),
    "Spanish": (["cero", "seis", "ocho"], ["doce", "veintiuno", "once"], [", eh, ", " y luego "]),
    "Dutch": (["nul", "zes", "acht"], ["twaalf", "eenentwintig", "dertien"], [", eh, ", " en dan "]),
}


@pytest.mark.parametrize("language", SAID)
@given(st.data())
def test_a_number_said_in_any_mixture_leaves_two_digits_at_most(language: str, data: st.DataObject) -> None:
    units, pairs, between = SAID[language]
    said = data.draw(st.lists(st.sampled_from([*units, *pairs, "7", "12"]), min_size=7, max_size=12))
    text = said[0] + "".join(data.draw(st.sampled_from([" ", ", ", *between])) + one for one in said[1:])
    masked = mask_spoken(text)
    kept = [word for word in re.findall(r"[\w-]+", masked) if word in said]
    assert kept in (said[-1:], said[-2:])
    assert len(kept) == 1 or not set(kept) & {*pairs, "12"}


@given(st.text())
def test_nothing_grows_or_shrinks_so_that_a_cut_stays_where_it_is(text: str) -> None:
    assert len(mask_spoken(text)) == len(text)


@given(
    st.sampled_from(["0171 1234567", "06 12 34 56 78", "null eins sieben eins zwei drei vier fünf"]), st.integers(0, 40)
)
def test_a_number_that_a_cut_goes_through_is_masked_in_both_parts_of_a_turn(number: str, cut: int) -> None:
    words = f"Yes: {number}."
    turn = masked_turn(TurnFact(1, "bot", "item", words[:cut], words[cut:], cut=True), masker())
    assert turn.text is not None
    assert turn.text + turn.unheard == mask_spoken(words)
    assert len(turn.text) == min(cut, len(words))
