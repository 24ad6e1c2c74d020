"""Imports: the contracts of pyproject.toml, and what they can't say."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOT = Path(__file__).parents[1]
TOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
CONTRACTS: list[dict[str, Any]] = TOOLS["importlinter"]["contracts"]
FLOORS: list[str] = next(one["layers"] for one in CONTRACTS if one["type"] == "layers")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("bot", include_external_packages=True, cache_dir=None)


def lint(cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of `cwd`'s pyproject.toml over the package `bot` in it."""
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True, no_logo=True))"
    command, environ = [sys.executable, "-c", code], {"PYTHONPATH": str(cwd)}
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def test_the_contracts_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_a_call_that_reads_the_clock_breaks_a_contract(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "bot", tmp_path / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "bot/call/playout/ledger.py").open("a") as ledger:
        ledger.write("import time\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert "bot.call.playout.ledger -> time" in done.stdout


def test_every_area_has_a_floor(graph: grimp.ImportGraph) -> None:
    assert graph.find_children("bot") == set(FLOORS)


def test_the_areas_below_the_command_line_are_all_kept_from_the_simulators() -> None:
    below = set(FLOORS) - {"bot.__main__", "bot.cli", "bot.offline", "bot.console", "bot.testing"}
    assert any(
        one["forbidden_modules"] == ["bot.testing", "bot.offline"] and set(one["source_modules"]) == below
        for one in CONTRACTS
        if one["type"] == "forbidden"
    )


def test_no_two_files_import_each_other(graph: grimp.ImportGraph) -> None:
    ours = {module for module in graph.modules if module.split(".")[0] == "bot"}
    imports = {module: graph.find_modules_directly_imported_by(module) & ours for module in ours}
    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_audioop_lives_in_one_place(graph: grimp.ImportGraph) -> None:
    importers = graph.find_modules_that_directly_import("audioop")
    assert importers
    assert all(module.startswith("bot.audio.") for module in importers)
