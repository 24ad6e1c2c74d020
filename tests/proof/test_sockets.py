"""Each situation once per delay over real sockets, in real time: the right item, the right order, the right bounds."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.testing import assert_replays
from tests.proof.sockets import SITUATIONS, one_call


async def test_every_situation_at_every_delay_over_real_sockets(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for situation in SITUATIONS:
            for delay_ms in (0, 40, 80):
                group.create_task(one_call(situation, delay_ms, tmp_path))
    fixtures = sorted(tmp_path.glob("*.call.jsonl"))  # noqa: ASYNC240  nothing else runs by now
    assert len(fixtures) == 3 * len(SITUATIONS)
    for fixture in fixtures:
        assert_replays(fixture)
