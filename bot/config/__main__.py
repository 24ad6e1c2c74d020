"""`python -m bot.config table` or `example`: prints what the manual and .env.example must hold of the settings."""

from __future__ import annotations

import sys

from bot.config.shown_settings import env_example, settings_table

_PRINTABLE = {"table": settings_table, "example": env_example}

if len(sys.argv) != 2 or sys.argv[1] not in _PRINTABLE:
    sys.exit("Say which: python -m bot.config table, or python -m bot.config example.")
sys.stdout.write(_PRINTABLE[sys.argv[1]]())
