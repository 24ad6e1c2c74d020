"""Outcomes of transfers: what the caller and the person heard in each row of their matrix, as it was measured."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def transfer_outcomes() -> list[dict[str, Any]]:
    """The rows, in the order of the matrix; `python -m tests.transfers write` makes them."""
    rows: list[dict[str, Any]] = json.loads(
        files("bot.explain").joinpath("transfer_outcomes.json").read_text(encoding="utf-8")
    )
    return rows
