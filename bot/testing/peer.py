"""Interface of both simulators to the shell that runs them: one pure object serves sockets and virtual time."""

from __future__ import annotations

from typing import Protocol


class Peer(Protocol):
    """One far side of the bot: fed with texts and the time, asked for texts and when it will have the next.

    Times are microseconds from the call's own origin, the same for every peer of a call, and never run back.
    """

    @property
    def violations(self) -> list[str]:
        """Acts of the bot that the real peer would refuse; tests assert that there are none."""

    def receive(self, text: str, now_us: int) -> None:
        """Take one JSON text from the bot."""

    def due(self, now_us: int) -> list[str]:
        """Takes the JSON texts that leave this peer by now, in order."""

    def next_us(self) -> int | None:
        """Time when due() will next have something to do; None when only another message can bring it about."""
