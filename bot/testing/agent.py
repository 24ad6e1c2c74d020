"""Agents, who give the simulated model its words: one is asked for a reply to each turn, and the model speaks it.

An agent may need time to understand, to think and to speak. What it gives is `Pending` then: asked for again until it
is there, so that the model needs no thread and no clock of its own. A `Reply` and a `Spoken` are there at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, Protocol, Self, TypeVar

import msgspec

from bot.audio.payload import BYTES_PER_MS, SILENCE_BYTE

TOKEN_MS = 50
"""Length of one output token: a model's audio is a whole number of these (openai-realtime 2.4)."""
TOKEN_BYTES = TOKEN_MS * BYTES_PER_MS
LINE_FORMAT = "audio/pcmu"
PER_MS = {"audio/pcm": 48, LINE_FORMAT: BYTES_PER_MS, "audio/pcma": 8}
"""Bytes per millisecond of each audio format (openai-realtime 2.1)."""

T_co = TypeVar("T_co", covariant=True)


class Pending(Protocol[T_co]):
    """Something that is being made elsewhere: words by a recogniser, speech by a voice, a whole reply."""

    def poll(self) -> T_co | None:
        """It, once it is there, and from then on always the same; None until then. Never waits."""


class Known(msgspec.Struct, frozen=True):
    """Words that nobody had to make out: the caller wrote them."""

    words: str

    def poll(self) -> str:
        return self.words


class Pacing(msgspec.Struct, frozen=True):
    """Pace of a reply (openai-realtime 5). Sizes and times in ms; `speed` as times real time, 0: at once.

    `first_audio_ms` runs from response.created to the first item, `item_gap_ms` from an item's announcement to its
    first audio; `transcript_lead_ms` is how much audio the text is ahead of the sound. `call_gap_ms`: from the last of
    a function's arguments to the end of its item, and how long a remote tool takes.
    """

    first_audio_ms: int = 300
    first_delta_ms: int = 100
    delta_ms: int = 200
    speed: float = 4.0
    transcript_lead_ms: int = 400
    item_gap_ms: int = 0
    call_gap_ms: int = 0


AT_ONCE = Pacing(speed=0)
TRICKLE = Pacing(first_delta_ms=50, delta_ms=50, speed=1.0)


class Spoken(msgspec.Struct, frozen=True):
    """One audio item of a reply, or a piece of one: a whole number of 50 ms (`padded` makes it so), and its words.

    `audio` is mu-law unless `audio_format` says otherwise; then it has to be what the response is to be spoken in.
    `announced_ms` says when each word of the transcript leaves: just before the audio that goes up to there, 0 before
    the first. Without it the text is spread evenly over the audio, ahead of it as the pacing says.
    """

    audio: bytes
    transcript: str = ""
    announced_ms: tuple[int, ...] = ()
    audio_format: str = LINE_FORMAT

    def __post_init__(self) -> None:
        if self.announced_ms and len(self.announced_ms) != len(self.transcript.split()):
            raise ValueError(f"{len(self.announced_ms)} times for {len(self.transcript.split())} words")
        if list(self.announced_ms) != sorted(self.announced_ms):
            raise ValueError("words leave in their order")
        token_bytes = TOKEN_MS * PER_MS[self.audio_format]
        if len(self.audio) % token_bytes:
            raise ValueError(f"{len(self.audio)} bytes is no whole number of 50 ms ({token_bytes} bytes)")

    @property
    def audio_ms(self) -> int:
        return len(self.audio) // PER_MS[self.audio_format]

    def poll(self) -> Self:
        return self


class Speech(msgspec.Struct, frozen=True):
    """One audio item whose pieces are made while it is spoken, such as its sentences; their words follow on."""

    pieces: Sequence[Pending[Spoken]]


class ToolCall(msgspec.Struct, frozen=True):
    """A function call; `arguments` is JSON text. An empty `call_id` is filled in by the model."""

    name: str
    arguments: str = "{}"
    call_id: str = ""


class McpCall(msgspec.Struct, frozen=True):
    """A call of a remote tool, which the server makes by itself; `error` None: it went well and gave `output`.

    `approval_request_id`: the client has approved it.
    """

    server_label: str
    name: str
    arguments: str = "{}"
    output: str = ""
    error: dict[str, Any] | None = None
    approval_request_id: str = ""

    def poll(self) -> Self:
        return self


class McpListing(msgspec.Struct, frozen=True):
    """The tools of a remote server as it lists them; None: it failed."""

    tools: Sequence[dict[str, Any]] | None = None

    def poll(self) -> Self:
        return self


class RemoteTools(Protocol):
    """Remote servers that are really asked: each `server` is as the session names it."""

    def tools(self, server: dict[str, Any]) -> Pending[McpListing]: ...

    def call(self, server: dict[str, Any], call: McpCall) -> Pending[McpCall]:
        """The call with its output or error in it."""


class Failure(msgspec.Struct, frozen=True):
    """Failure of a response (openai-realtime 6), once `after_ms` of its audio have been produced.

    `failed` and `incomplete` end in response.done with `code` (failed: error code; incomplete: reason). `stalls` stops
    producing until it is cancelled, `pauses` for `pause_ms` only, `silent` never says even response.created, `closes`
    closes the socket with 1011 and `aborts` drops it without a close; `error` sends a server_error and goes on.
    """

    kind: Literal["failed", "incomplete", "stalls", "pauses", "silent", "closes", "aborts", "error"]
    after_ms: int = 0
    code: str | None = None
    pause_ms: int = 0


class Reply(msgspec.Struct, frozen=True):
    """Content of one response: audio items in order, then function calls, then calls of remote tools.

    `pacing` None: the model's own.
    """

    items: Sequence[Spoken | Speech] = ()
    tool_calls: Sequence[ToolCall] = ()
    pacing: Pacing | None = None
    failure: Failure | None = None
    null_usage: bool = False
    mcp_calls: Sequence[McpCall] = ()

    def poll(self) -> Self:
        return self


class Turn(msgspec.Struct, frozen=True):
    """The turn that a response answers. `number` counts responses from 0.

    `audio` is what the caller said since the last response, in the input format, committed (empty when speech was
    scripted); `audio_ms` its length. `greeting`: the caller has not spoken yet. `interrupted`: the reply before was
    cut, by the server or by a truncation. `instructions` are those of response.create, or empty. `tool_outputs` are
    the function results that came since the last response.

    `words` are what the caller said and wrote since then, in order: recognised, where the session has ears for it.
    `notes` are the texts of the system items that came. `tools` are the functions that may be called in this response,
    `must_call` the name of one that has to be. `aside`: the response is out of band, no part of the conversation.
    `heard_in` and `spoken_in` are the audio formats of both ways. `writes`: the answer is text alone, no sound of it is
    wanted.
    """

    number: int
    audio: bytes = b""
    audio_ms: int = 0
    instructions: str = ""
    greeting: bool = False
    interrupted: bool = False
    tool_outputs: tuple[str, ...] = ()
    metadata: dict[str, str] | None = None
    words: tuple[Pending[str], ...] = ()
    notes: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    must_call: str = ""
    aside: bool = False
    heard_in: str = LINE_FORMAT
    spoken_in: str = LINE_FORMAT
    writes: bool = False


class Agent(Protocol):
    def reply(self, turn: Turn) -> Pending[Reply]:
        """The answer to `turn`: what is said and called. Asked once for each response."""


class SpeechJudge(Protocol):
    """Tells speech from anything else, window by window; it may remember those before."""

    window_ms: int
    onset_ms: int
    """Speech is believed after so long of it: by loudness alone a click would be speech."""

    def hears(self, window: bytes, threshold: float, *, speaking: bool) -> bool:
        """True for speech. `threshold` is that of the session, 0 to 1; `speaking`: there was speech before."""


class Ears(Protocol):
    """A session's sense of hearing, in place of loudness and of words known beforehand."""

    def judge(self, audio_format: str) -> SpeechJudge:
        """A judge of the audio of one session."""

    def recognise(self, audio: bytes, audio_format: str) -> Pending[str]:
        """The words of one turn of the caller; empty where there are none."""


class ScriptedAgent:
    """Says `replies` in order, the last one for ever, and keeps the `turns` it was asked about."""

    def __init__(self, replies: Sequence[Reply | Spoken]) -> None:
        if not replies:
            raise ValueError("a scripted agent needs at least one reply")
        self._replies = [one if isinstance(one, Reply) else Reply((one,)) for one in replies]
        self.turns: list[Turn] = []

    def reply(self, turn: Turn) -> Reply:
        at = min(len(self.turns), len(self._replies) - 1)
        self.turns.append(turn)
        return self._replies[at]


def pattern(ms: int, seed: int | str = 0) -> bytes:
    """`ms` of loud mu-law noise, the same for the same seed; no two frames alike, no byte of it silence."""
    return hashlib.shake_256(f"pattern {seed}".encode()).digest(ms * BYTES_PER_MS).translate(_NO_SILENCE)


def padded(audio: bytes) -> bytes:
    """`audio` with mu-law silence at its end up to a whole number of 50 ms."""
    return audio + bytes([SILENCE_BYTE]) * (-len(audio) % TOKEN_BYTES)


_NO_SILENCE = bytes.maketrans(b"\xff\x7f", b"\xfe\x7e")
