"""The package as shipped: the wheel and all it carries, the pinned versions, the top level, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TOP = {
    *("pyproject.toml", "bot", "tests", "twiml", "Procfile", "README.md", "LICENSE", "requirements.txt"),
    *(".ci", ".env.example", ".gitignore", ".python-version"),
}
# Hosts of package registries and home or work directories, in halves so that this file does not name them.
STRAY = ["python" + "hosted", "//py" + "pi", "npm" + "js.", "//de" + "b.", "/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/"]
USES_WHAT_IT_CARRIES = """
import asyncio
from pathlib import Path
from bot.audio.fillers import filler, languages
from bot.audio.prompts import names, prompt
from bot.observe.catalogue import ALERTS, DASHBOARD, shipped
from bot.views.call_page import _file
from bot.store.sql.schema import migrate
from bot.store.urls import url_of
from bot.twilio.twiml import TwimlFiles, shipped_directory
print(shipped_directory())
assert "Hangup" in TwimlFiles().render("goodbye")
assert all(prompt(name).audio for name in names())
assert all(filler(language, name).audio for language in languages() for name in ("moment", "apology"))
assert "alert:" in shipped(ALERTS) and shipped(DASHBOARD).startswith("{")
assert all(_file(name) for name in ("page.html", "page.css", "page.js"))
asyncio.run(migrate(url_of("", Path("recordings"))))
assert Path("recordings/calls.sqlite").stat().st_size
"""


def python(*arguments: str, cwd: Path = ROOT, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run this Python with warnings as errors; `path` is where it finds `bot` first, else in `cwd`."""
    environ = {"PYTHONPATH": str(path)} if path else {}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)


def git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        pytest.skip("this tree is no git repository")
    return done.stdout.splitlines()


@cache
def pins(name: str = "constraints") -> dict[str, tuple[str, Requirement]]:
    """Each line of the constraints by its canonical name: the line, and what it says."""
    lines = (ROOT / f".ci/{name}.txt").read_text().splitlines()
    pinned = [(line, Requirement(line)) for line in lines if not line.startswith("#")]
    return {canonicalize_name(one.name): (line, one) for line, one in pinned}


# ---- the wheel ----


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(target), versions=["standard"])))


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_the_wheel_carries_every_file_of_the_package_and_the_twiml(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {path for path in (ROOT / "bot").rglob("*") if path.is_file() and path.suffix not in {".pyc", ".pyo"}}
    expected = {path.relative_to(ROOT).as_posix() for path in package}
    expected |= {f"bot/twiml/{path.name}" for path in (ROOT / "twiml").iterdir()}
    assert carried == expected
    assert {"bot/py.typed", "bot/twiml/answer.xml", "bot/views/page_files/page.html"} <= carried
    assert {"bot/store/sql/migrations/env.py", "bot/store/sql/migrations/versions/r0001_calls.py"} <= carried
    assert any(name.endswith(".ulaw") for name in carried)
    assert {"bot/docs/settings.md", "bot/docs/openai-realtime.md", "bot/docs/call-page.png"} <= carried


def test_the_wheel_is_for_every_platform_and_has_the_licence(wheel: Path) -> None:
    assert wheel.name == f"heardline-{PROJECT['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in archive.namelist())


def test_what_was_unpacked_from_the_wheel_uses_its_own_files(unpacked: Path, tmp_path: Path) -> None:
    done = python("-c", USES_WHAT_IT_CARRIES, cwd=tmp_path, path=unpacked)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path(done.stdout.strip()) == (unpacked / "bot/twiml").resolve()


def test_what_was_unpacked_from_the_wheel_has_the_manual(unpacked: Path, tmp_path: Path) -> None:
    done = python("-m", "bot", "help", "money", cwd=tmp_path, path=unpacked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("# Money\n")


def test_what_was_unpacked_from_the_wheel_makes_no_document_anew(unpacked: Path, tmp_path: Path) -> None:
    done = python("-m", "bot.docs", cwd=tmp_path, path=unpacked)
    assert (done.returncode, "run it in a clone" in done.stderr) == (1, True)


def test_what_was_unpacked_from_the_wheel_knows_its_version(unpacked: Path, tmp_path: Path) -> None:
    done = python("-m", "bot", "--version", cwd=tmp_path, path=unpacked)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"heardline {PROJECT['version']}\n", "")


def test_the_source_archive_can_be_built_from_and_tested(tmp_path: Path) -> None:
    (archive,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "twiml/answer.xml", "bot/py.typed"} <= names
    assert "tests/test_packaging.py" in names
    assert {name.partition("/")[0] for name in names} <= TOP | {"PKG-INFO"}


# ---- the command ----


def test_help_comes_without_a_warning() -> None:
    done = python("-m", "bot", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("serve", "demo", "call", "calls", "forget", "replay", "show", "check", "help"):
        assert f"\n  {command} " in done.stdout


def test_the_console_command_is_the_module_s() -> None:
    assert PROJECT["scripts"] == {"bot": "bot.cli:main"}


# ---- where it runs ----


def test_heroku_finds_what_it_needs() -> None:
    assert (ROOT / "Procfile").read_text() == "web: bot serve\n"
    assert (ROOT / "requirements.txt").read_text() == ".\n"
    chosen = (ROOT / ".python-version").read_text().strip()
    assert chosen in SpecifierSet(PROJECT["requires-python"])


@pytest.mark.parametrize("name", ["constraints", "constraints-clients"])
def test_each_pin_is_one_version_and_no_address(name: str) -> None:
    for line, pin in pins(name).values():
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*(; python_version [<>=]+ '3\.\d+')?", line), line
        assert pin.url is None


def test_every_dependency_is_pinned_to_a_version_it_allows() -> None:
    extras = PROJECT["optional-dependencies"]
    together = [ones for name, ones in extras.items() if name != "clients"]
    _allowed([*PROJECT["dependencies"], *(one for ones in together for one in ones)], pins())
    beside = ("clients", "offline", "test")
    _allowed([*PROJECT["dependencies"], *(one for name in beside for one in extras[name])], pins("constraints-clients"))


def _allowed(wanted: list[str], pinned: dict[str, tuple[str, Requirement]]) -> None:
    for requirement in map(Requirement, wanted):
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        _, pin = pinned[canonicalize_name(requirement.name)]
        (exactly,) = pin.specifier
        assert exactly.version in requirement.specifier, f"{pin} is not allowed by {requirement}"


# ---- the tree ----


def test_the_top_level_is_as_agreed() -> None:
    assert {path.partition("/")[0] for path in git("ls-files")} <= TOP
    assert all((ROOT / name).exists() for name in TOP)


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    patterns = [argument for text in STRAY for argument in ("-e", text)]
    assert git("grep", "-nIF", *patterns, "--", ".") == []


def test_nothing_that_is_made_is_tracked() -> None:
    assert git("ls-files", "-ci", "--exclude-standard") == []


def test_the_ci_script_may_be_run_and_is_sound_bash() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111 == 0o111
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
