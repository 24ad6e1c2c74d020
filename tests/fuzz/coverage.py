"""Coverage: the lines of bot/ that an input reaches and none before it has reached."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import bot

OURS = str(Path(bot.__file__).parent)


class Coverage:
    """`lines` grows while `watching`: by sys.monitoring where there is one, told of each line once; else by a tracer."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        if sys.version_info < (3, 12):
            sys.settrace(self._called)
            try:
                yield
            finally:
                sys.settrace(None)
            return
        events = sys.monitoring
        tool = events.COVERAGE_ID
        events.use_tool_id(tool, "fuzz")
        events.register_callback(tool, events.events.LINE, self._monitored)
        events.set_events(tool, events.events.LINE)
        events.restart_events()  # lines that an earlier watch was told of count again
        try:
            yield
        finally:
            events.free_tool_id(tool)

    def _monitored(self, code: CodeType, line: int) -> Any:
        if code.co_filename.startswith(OURS):
            self.lines.add((code.co_filename, line))
        return sys.monitoring.DISABLE if sys.version_info >= (3, 12) else None

    def _called(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._traced if frame.f_code.co_filename.startswith(OURS) else None

    def _traced(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._traced
