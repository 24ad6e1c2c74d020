"""Tokens: what a response would be billed for (openai-realtime 7)."""

from __future__ import annotations

from typing import Any

from bot.testing.model.protocol.default_conversation import Conversation
from bot.testing.model.state.behaviour import Billed

Json = dict[str, Any]

USER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50
_CHARS_PER_TOKEN = 4


def text_tokens(text: str) -> int:
    """A rough count: four characters to a token."""
    return -(-len(text) // _CHARS_PER_TOKEN)


class TokenMeter:
    """Counts what each response reads and writes; the prompt is cached as far as it is the one before, grown."""

    def __init__(self) -> None:
        self._cached = (0, 0)

    def bust(self) -> None:
        """The history or the instructions changed: nothing of the cache fits any more."""
        self._cached = (0, 0)

    def usage(self, instructions: str, conversation: Conversation, spoken_ms: int, written: str) -> Json:
        """The usage object of a response that spoke `spoken_ms` and wrote `written`."""
        text, audio = text_tokens(instructions), 0
        for entry in conversation:
            per_token = ASSISTANT_MS_PER_TOKEN if entry.role == "assistant" else USER_MS_PER_TOKEN
            audio += -(-entry.audio_ms // per_token)
            text += text_tokens(entry.text or "") if entry.part else text_tokens(str(entry.body))
        cached_text, cached_audio = min(text, self._cached[0]), min(audio, self._cached[1])
        self._cached = (text, audio)
        out_text, out_audio = text_tokens(written), spoken_ms // ASSISTANT_MS_PER_TOKEN
        return {
            "total_tokens": text + audio + out_text + out_audio,
            "input_tokens": text + audio,
            "output_tokens": out_text + out_audio,
            "input_token_details": {
                "text_tokens": text,
                "audio_tokens": audio,
                "image_tokens": 0,
                "cached_tokens": cached_text + cached_audio,
                "cached_tokens_details": {
                    "text_tokens": cached_text,
                    "audio_tokens": cached_audio,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": out_text, "audio_tokens": out_audio},
        }


def xai_usage(used: Json, spoken_ms: int) -> Json:
    """The same as xAI tells it: no cache, and the seconds it bills (openai-realtime W8)."""

    def details(of: Json) -> Json:
        return {"text_tokens": of["text_tokens"], "audio_tokens": of["audio_tokens"], "grok_tokens": 0}

    return {
        "input_tokens": used["input_tokens"],
        "input_token_details": details(used["input_token_details"]),
        "output_tokens": used["output_tokens"],
        "output_token_details": details(used["output_token_details"]),
        "total_tokens": used["total_tokens"],
        "output_audio_seconds": spoken_ms / 1000,
        "billable_audio_seconds": -(-spoken_ms // 1000),
    }


def transcription_usage(billed: Billed, audio_ms: int, text: str) -> Json:
    """The usage object of a transcription of `audio_ms` that came to `text`."""
    if billed == "duration":
        return {"type": "duration", "seconds": -(-audio_ms // 1000)}
    heard, written = -(-audio_ms // USER_MS_PER_TOKEN), text_tokens(text)
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
        "total_tokens": heard + written,
    }


ZERO: Json = {
    "total_tokens": 0,
    "input_tokens": 0,
    "output_tokens": 0,
    "input_token_details": {"text_tokens": 0, "audio_tokens": 0, "image_tokens": 0, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 0, "audio_tokens": 0},
}
