"""Every test over sockets is checked for what it leaves behind, as in tests/server."""

from __future__ import annotations

from tests.server.conftest import checked
from tests.server.leaks import nothing_left

__all__ = ["checked", "nothing_left"]
