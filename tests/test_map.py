"""The map in bot/README.md shows the house as it stands: every path in it exists, and every floor is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BOT = Path(__file__).parents[1] / "bot"
MAP = (BOT / "README.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:\.\./)?[a-z_]+/[\w./]*|[a-z_]+\.py)`", MAP)))
SERVER_FLOORS = {f"{name}/" for name in ("workers", "http", "bookkeeping", "directory", "calls", "shared", "setup")}
HEADS = ("## Floors", "## Four trips", "## Where it is decided", "## How to add", "## Before you send it")
TRIPS = ("A caller's frame", "A model's delta", "An interruption", "A webhook")
ADDED = ("A rule", "A setting", "A metric", "A log line", "A webhook", "A bad call as a test")


@pytest.mark.parametrize("path", PATHS)
def test_a_path_on_the_map_exists(path: str) -> None:
    within = BOT / "server" if path in SERVER_FLOORS else BOT
    assert (within / path).exists(), f"bot/README.md names {path}: say where it went"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]+)\)", MAP))
def test_a_link_of_the_map_leads_somewhere(link: str) -> None:
    assert (BOT / link).is_file()


def test_every_package_of_the_house_is_on_it() -> None:
    packages = {f"{path.parent.name}/" for path in BOT.glob("*/__init__.py")}
    assert packages - set(PATHS) == set()


def test_it_is_one_page_with_the_trips_and_what_may_be_added() -> None:
    assert len(MAP.splitlines()) <= 120
    assert [line for line in MAP.splitlines() if line.startswith("## ")] == list(HEADS)
    floors, trips, _, added = (MAP.partition(head)[2] for head in HEADS[:4])
    assert len(PATHS) > 50
    assert floors
    assert all(f"**{trip}" in trips for trip in TRIPS)
    assert all(f"**{what}" in added for what in ADDED)


STARTS = {
    f"{path.parent.relative_to(BOT)}: {name}": path.parent / name.removesuffix(".py")
    for path in BOT.rglob("__init__.py")
    for sentence in re.findall(r"(?:Start at|[Tt]o start:)([^.]*)", path.read_text(encoding="utf-8"))
    for name in re.findall(r"`([a-z_]+(?:\.py)?)`", sentence)
}


@pytest.mark.parametrize("module", STARTS.values(), ids=STARTS)
def test_a_package_says_to_start_at_a_file_that_it_has(module: Path) -> None:
    assert module.with_suffix(".py").is_file() or module.is_dir()


def test_most_packages_say_where_to_start() -> None:
    assert len(STARTS) > 40
