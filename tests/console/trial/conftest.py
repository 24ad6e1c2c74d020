"""Every test of a trial is checked for what it leaves behind, and its log is kept."""

from tests.server.conftest import checked
from tests.server.leaks import nothing_left

__all__ = ["checked", "nothing_left"]
