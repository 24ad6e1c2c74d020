"""Checks after each fault: nothing is left, and the log is kept."""

from __future__ import annotations

from tests.server.conftest import _schema_is_loaded, checked, nothing_left

__all__ = ["_schema_is_loaded", "checked", "nothing_left"]
