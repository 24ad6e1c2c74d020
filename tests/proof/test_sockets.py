"""Each situation once per delay over real sockets, in real time: nothing refused, nothing broken, and it replays.

Which item is truncated and where is for virtual time (test_barge_in); in milliseconds over sockets it is a slow test.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.testing import assert_replays
from tests.proof.sockets import SITUATIONS, one_call


@pytest.mark.parametrize("timed", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["taken", "in time"])
async def test_every_situation_at_every_delay_over_real_sockets(tmp_path: Path, *, timed: bool) -> None:
    async with asyncio.TaskGroup() as group:
        for situation in SITUATIONS:
            for delay_ms in (0, 40, 80):
                group.create_task(one_call(situation, delay_ms, tmp_path, timed=timed))
    fixtures = sorted(tmp_path.glob("*.call.jsonl"))  # noqa: ASYNC240  nothing else runs by now
    assert len(fixtures) == 3 * len(SITUATIONS)
    for fixture in fixtures:
        assert_replays(fixture)
