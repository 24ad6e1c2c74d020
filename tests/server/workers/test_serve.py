"""What a process does before it serves: somebody else's directory of counts is left alone, and signals are sorted."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from bot.config import load_settings
from bot.observe.metrics import MULTIPROCESS_DIR
from bot.server.workers import gunicorn_worker, serve
from bot.server.workers.gunicorn_worker import IGNORED, CallWorker


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_directory_of_counts_that_is_somebody_elses_is_not_written_to(
    processes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    def look(*given: Any) -> None:
        seen.append(os.environ.get(MULTIPROCESS_DIR))
        for one in given:
            getattr(one, "close", lambda: None)()  # a coroutine that nobody awaits

    async def nothing(_: object) -> None:
        """There is nothing to prepare."""

    monkeypatch.setenv(MULTIPROCESS_DIR, "/somebody/elses")
    monkeypatch.setattr(serve, "prepare", nothing)
    monkeypatch.setattr(serve, "run_in_loop", look)
    monkeypatch.setattr(gunicorn_worker, "run_workers", look)
    serve.run(load_settings({"WEB_CONCURRENCY": processes}), operator=None, profiles=None)  # type: ignore[arg-type]
    assert seen == [None]


def test_until_its_loop_runs_a_process_ignores_the_managers_signals_and_ends_at_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(gunicorn_worker.signal, "signal", handlers.__setitem__)
    CallWorker.init_signals(CallWorker.__new__(CallWorker))
    assert {number for number, handler in handlers.items() if handler is signal.SIG_IGN} == IGNORED & handlers.keys()
    assert handlers[signal.SIGTERM] is signal.SIG_DFL
    assert handlers[signal.SIGHUP] is signal.SIG_IGN
