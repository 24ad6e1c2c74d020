"""A stop loses nobody: `python -m tests.proof stopping` is the whole of it, one case is always run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.stopping import CASES, Case, in_postgres, stopped

ALONE_WITH_POSTGRES = Case("postgres", 1, another=False)


def _name(case: Case) -> str:
    return f"{case.store}-{case.processes}-{'another' if case.another else 'alone'}"


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, marks=[] if one == ALONE_WITH_POSTGRES else pytest.mark.slow) for one in CASES],
    ids=_name,
)
async def test_a_stop_loses_no_caller(case: Case, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    told = {} if case.store == "sqlite" else await in_postgres(request.getfixturevalue("postgres"))
    if case == ALONE_WITH_POSTGRES:
        told |= {"BOT_FALLBACK": "+15555550123"}  # Twilio asks once more, when nobody is rung any longer
    found = await stopped(case, tmp_path, told)
    in_time = case != ALONE_WITH_POSTGRES  # which is always run, on whatever machine
    assert [met.row() for met in found if not (met.good if in_time else met.right)] == []
    assert len(found) == 5
