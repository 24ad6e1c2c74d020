"""Parts of the manual that come from code and data say what these say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.call.states import picture
from bot.cli.command_line import WRONG_SETTINGS
from bot.cli.simulating import BROKEN_OFF
from bot.docs.generated_tables import SECTIONS, filled, generated
from bot.explain.exit_codes import EXIT_CODES
from tests.test_readme import ALL, ROOT, table_under, ticked

MADE = generated(ROOT)


@pytest.mark.parametrize("path", MADE, ids=lambda path: path.name)
def test_what_is_made_of_data_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == MADE[path], "run `python -m bot.docs`"


def test_every_table_that_can_be_made_stands_somewhere_once() -> None:
    for name in SECTIONS:
        assert ALL.count(f"<!-- {name}:begin -->\n") == ALL.count(f"<!-- {name}:end -->\n") == 1, name


def test_a_mark_with_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        filled("<!-- nonsense:begin -->\n<!-- nonsense:end -->\n")


def test_the_command_mends_a_table_and_says_so(tmp_path: Path) -> None:
    for name in ("bot", "README.md", ".env.example"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    watching = tmp_path / "bot/docs/watching.md"
    watching.write_text(watching.read_text().replace("| `heardline_calls_live` |", "| `heardline_calls` |"))
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-m", "bot.docs"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [run.stdout for run in runs] == ["written anew: bot/docs/watching.md\n", ""]
    assert watching.read_text() == (ROOT / "bot/docs/watching.md").read_text()


def test_the_picture_is_the_table_of_states() -> None:
    shown = ALL.partition("<!-- states:begin -->\n")[2].partition("<!-- states:end -->")[0]
    assert shown == f"```mermaid\n{picture()}\n```\n"


def test_every_exit_code_of_the_command_is_explained() -> None:
    assert {0, 1, WRONG_SETTINGS, BROKEN_OFF} == EXIT_CODES.keys()
    assert ticked([row[0] for row in table_under("## Exit codes")]) == {str(code) for code in EXIT_CODES}
