"""Every test of the live calls is checked for what it leaves behind, and its log is kept."""

from tests.server.conftest import checked, commands_are_warm
from tests.server.leaks import nothing_left

__all__ = ["checked", "commands_are_warm", "nothing_left"]
