"""What went over a call's two sockets, in plain integers: the only counting that is done for every message."""

from __future__ import annotations


class CallTraffic:
    """Messages and their length, each way. The length is that of the JSON text, without WebSocket's framing."""

    __slots__ = (
        "from_model",
        "from_model_bytes",
        "from_phone",
        "from_phone_bytes",
        "to_model",
        "to_model_bytes",
        "to_phone",
        "to_phone_bytes",
    )

    def __init__(self) -> None:
        self.from_phone = self.from_phone_bytes = 0
        self.to_phone = self.to_phone_bytes = 0
        self.from_model = self.from_model_bytes = 0
        self.to_model = self.to_model_bytes = 0
