"""Spans of audio that was sent and never heard."""

from __future__ import annotations

from bot.views.plain_words import in_plain_words
from bot.views.played import Piece, unheard_spans

SECOND = b"\xff" * 8_000


def test_what_was_never_heard_ends_where_the_next_answer_is_heard() -> None:
    pieces = [
        Piece("first", 0, 0, 10 * SECOND, cut_us=3_000_000),
        Piece("queued", 100_000, 10_000_000, 5 * SECOND, cut_us=3_000_000),
        Piece("answer", 4_000_000, 4_000_000, 2 * SECOND),
    ]
    assert unheard_spans(pieces) == [(3_000_000, 4_000_000), (4_000_000, 4_000_000), (6_000_000, 6_000_000)]


def test_nothing_comes_after_the_last_cut_so_it_is_shown_whole() -> None:
    assert unheard_spans([Piece("only", 0, 0, 10 * SECOND, cut_us=3_000_000)]) == [(3_000_000, 10_000_000)]


def test_what_was_heard_to_its_end_has_no_such_span() -> None:
    assert unheard_spans([Piece("whole", 0, 500_000, SECOND)]) == [(1_500_000, 1_500_000)]


def test_names_become_words_and_ids_stay() -> None:
    told = in_plain_words("response_late", {"after_ms": 300, "why": "no_answer", "id": "resp_01"})
    assert told == "response late: after 300 ms, why no answer, id resp_01"
