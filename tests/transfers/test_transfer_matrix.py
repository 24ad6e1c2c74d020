"""The matrix of transfers over sockets: who hears what, in which order, and how each ends, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transfers.put_through_over_sockets import run, scaled
from tests.transfers.transfer_rows import ROWS, Row

PACE = 0.1
"""Seconds that each second of the telephone network takes here; `python -m tests.transfers` takes whole ones."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_who_hears_what(row: Row, tmp_path: Path) -> None:
    with scaled(PACE):
        outcome = await run(row, tmp_path, PACE)
    assert outcome.against(row) == [], f"{outcome.caller} / {outcome.person}"
