"""Every row is checked for what it leaves behind, as the server's own tests are."""

from __future__ import annotations

from tests.server.conftest import _schema_is_loaded, checked, nothing_left

__all__ = ["_schema_is_loaded", "checked", "nothing_left"]
