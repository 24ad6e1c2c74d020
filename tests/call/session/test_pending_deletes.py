"""Items that the caller never heard."""

from __future__ import annotations

from bot.call.session.pending_deletes import PendingDeletes


def test_an_unheard_item_goes_once_when_it_or_its_response_is_done() -> None:
    unheard = PendingDeletes()
    unheard.wait("A", "R1")
    unheard.wait("B", "R1")
    unheard.wait("C", "R2")
    assert unheard.item_done("A")
    assert not unheard.item_done("A")
    assert not unheard.item_done("other")
    assert unheard.response_done("R1") == ["B"]
    assert unheard.response_done("R1") == []
    assert unheard.item_done("C")


def test_an_item_without_audio_is_unheard_when_its_response_is_cut() -> None:
    unheard = PendingDeletes()
    for item in "BAC":
        unheard.announced(item)
    unheard.sounded("C")
    assert unheard.silenced("R1") == ["A", "B"]
    assert unheard.response_done("R1") == ["A", "B"]


def test_an_item_of_the_response_before_is_not_silenced() -> None:
    unheard = PendingDeletes()
    unheard.announced("A")
    unheard.next_response()
    unheard.announced("B")
    assert unheard.silenced("R2") == ["B"]
