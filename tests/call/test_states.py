"""The table of states: every pair is decided, or impossible for a reason that stands here."""

from __future__ import annotations

import itertools

import pytest

from bot.call.states import FOLLOWING, Happening, State, picture, table

H, S = Happening, State

IMPOSSIBLE: dict[State, set[Happening]] = {
    S.OPENING: {
        H.PLAYED_OUT,
        H.TAKEN_OVER,
    },  # what is heard before the call has begun, such as a filler, takes no floor
    S.LISTENING: {H.BEGUN},  # a call begins once
    S.HEARING: {H.BEGUN},
    S.THINKING: {H.BEGUN},
    S.SPEAKING: {H.BEGUN},
    S.CLOSING: {H.BEGUN},
    S.ENDED: set(Happening),  # nothing happens to a call that is over
}


@pytest.mark.parametrize(("state", "happening"), list(itertools.product(State, Happening)))
def test_every_pair_is_decided_or_impossible(state: State, happening: Happening) -> None:
    following = None if happening in IMPOSSIBLE[state] else FOLLOWING.get((state, happening), state)
    assert FOLLOWING.get((state, happening)) is following


def test_no_pair_is_decided_twice() -> None:
    with pytest.raises(ValueError, match="AUDIO of LISTENING is decided twice"):
        table((S.LISTENING, H.AUDIO, S.SPEAKING), (tuple(S), H.AUDIO, None))


def test_every_state_is_reached_and_every_one_but_the_end_is_left() -> None:
    reached, frontier = {S.OPENING}, [S.OPENING]
    while frontier:
        here = frontier.pop()
        for (state, _), following in FOLLOWING.items():
            if state is here and following not in reached:
                reached.add(following)
                frontier.append(following)
    assert reached == set(State)
    assert {state for state, _ in FOLLOWING} == set(State) - {S.ENDED}


def test_every_state_but_the_end_can_be_over() -> None:
    assert {state for state in State if FOLLOWING.get((state, H.OVER)) is S.ENDED} == set(State) - {S.ENDED}


def test_the_picture_shows_every_state_and_every_move() -> None:
    drawn = picture().splitlines()
    assert drawn[0] == "stateDiagram-v2"
    for state in State:
        assert any(state.value in line for line in drawn)
    for (state, happening), following in FOLLOWING.items():
        if happening is not H.OVER and state is not following:
            assert f"  {state.value} --> {following.value}: {happening.value}" in drawn
