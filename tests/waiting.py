"""Time that tests wait for what must come about: so long that only what never comes is missed, on any machine."""

from __future__ import annotations

GIVE_UP_S = 60.0
"""Nothing is shown by this running out but that a thing does not happen. What must happen soon is shown in order, in
items or in virtual time; milliseconds of the clock are for commands and slow tests.
"""
EVER_S = 3600
"""A setting or a limit that must play no part in a test."""
