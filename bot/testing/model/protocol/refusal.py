"""Refusals by the server: each becomes one `error` event (openai-realtime 6)."""

from __future__ import annotations


class Refused(Exception):
    """A client event the server turns down. `benign`: a race no client can avoid, so nobody's fault."""

    def __init__(self, code: str | None, message: str, param: str | None = None, *, benign: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.benign = benign


def missing(param: str) -> Refused:
    return Refused("missing_required_parameter", f"Missing required parameter: '{param}'.", param)


def unknown(param: str) -> Refused:
    return Refused("unknown_parameter", f"Unknown parameter: '{param}'.", param)


def wrong_type(param: str, expected: str) -> Refused:
    return Refused("invalid_type", f"Invalid type for '{param}': expected {expected}.", param)


def wrong_value(param: str, expected: str) -> Refused:
    return Refused("invalid_value", f"Invalid value for '{param}'. Expected {expected}.", param)
