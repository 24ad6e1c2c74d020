from __future__ import annotations

import subprocess
import sys

import pytest

from bot.store.upkeep import owners
from bot.store.upkeep.owners import Liveness, Owner, is_dead, this_process

CHILD = "from bot.store.upkeep.owners import this_process; print(this_process().name, flush=True); input()"


@pytest.mark.skipif(not owners._machine(), reason="no /proc here: silence alone tells")
def test_a_process_is_dead_once_it_is_and_not_before() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    assert not is_dead(name)
    child.kill()
    child.communicate()
    assert is_dead(name)
    assert not is_dead(this_process().name)


@pytest.mark.skipif(not owners._machine(), reason="no /proc here: silence alone tells")
def test_a_killed_process_that_nobody_has_waited_for_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    name = child.stdout.readline().strip()
    child.kill()
    child.stdout.read()
    while not is_dead(name):
        assert child.returncode is None
    child.communicate()


def test_a_process_has_one_name_and_another_that_gets_its_number_has_another() -> None:
    me = this_process()
    assert me == this_process()
    host, machine, pid, began = me.name.split("/")
    assert is_dead(f"{host}/{machine}/{pid}/{int(began) + 1}") or not machine


@pytest.mark.parametrize("name", ["", "web-1", "a/b/c/d", "host/0123456789ab/1/1"])
def test_of_other_machines_and_of_nonsense_nothing_is_certain(name: str) -> None:
    assert not is_dead(name)


def test_without_proc_nothing_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    name = this_process().name
    monkeypatch.setattr(owners, "_machine", lambda: "")
    monkeypatch.setattr(owners, "_alive_since", lambda pid: "")
    assert not is_dead(name)
    assert isinstance(this_process(), Owner)


def test_whoever_says_nothing_for_too_long_is_dead_by_any_clock() -> None:
    assert not is_dead("web-1", silent_s=3.0, longest_s=3.0)
    assert is_dead("web-1", silent_s=3.1, longest_s=3.0)
    assert not is_dead(this_process().name, silent_s=1e9)  # nobody has said how long is too long


def watch(liveness: Liveness, *looks: tuple[float, dict[str, object]]) -> list[list[str]]:
    return [liveness.dead(list(told.items()), now_s) for now_s, told in looks]


def test_who_says_nothing_new_for_long_is_silent() -> None:
    looks = [(at, {"a": 1, "b": at}) for at in (0.0, 4.0, 8.0, 12.0, 16.0)]
    assert watch(Liveness(15), *looks) == [[], [], [], [], ["a"]]


def test_a_clock_that_is_wrong_makes_nobody_silent() -> None:
    looks = [(at, {"ahead": 9_999_999 + at, "behind": at - 9_999_999}) for at in range(0, 60, 4)]
    assert watch(Liveness(15), *looks) == [[]] * 15


def test_after_a_pause_everybody_gets_the_chance_to_speak() -> None:
    looks = [(0.0, {"a": 1}), (4.0, {"a": 1}), (70.0, {"a": 1}), (80.0, {"a": 1}), (85.5, {"a": 1})]
    assert watch(Liveness(15), *looks) == [[], [], [], [], ["a"]]


def test_whoever_speaks_again_or_has_no_calls_left_starts_anew() -> None:
    looks = [(at, {"a": 1}) for at in (0.0, 8.0)] + [(12.0, {}), (14.0, {"a": 1}), (20.0, {"a": 1})]
    assert watch(Liveness(15), *looks) == [[]] * 5
