"""The status of a response that is over: how it ended, and in words why."""

from __future__ import annotations

from bot.realtime.events import Response


def spoken_over(response: Response) -> bool:
    """True if the server cancelled it by itself, because the caller spoke (openai-realtime 3.3, "Interrupted")."""
    details = response.status_details
    return response.status == "cancelled" and details is not None and details.reason == "turn_detected"


def in_words(response: Response) -> str:
    """The status details of a response that went wrong."""
    details = response.status_details
    if details is None:
        return response.status
    if details.error is not None:
        return f"{details.error.code or details.error.type}: {details.error.message}"
    return details.reason or response.status


def filtered(response: Response) -> bool:
    """True if a content filter took the answer, or the rest of it, away. One that is only too long was an answer."""
    details = response.status_details
    return response.status == "incomplete" and details is not None and details.reason == "content_filter"
