"""Everything about a call that its core needs to know, and that a fixture therefore records."""

from __future__ import annotations

from typing import Literal

import msgspec

from bot.call.transcript.past_turns import PastTurn
from bot.realtime.session import SessionSettings
from bot.realtime.usage import Prices


class Money(msgspec.Struct, frozen=True):
    """What things cost and how much may be spent, in billionths of a US dollar.

    Prices are those of the chosen models; None: not known, so it counts as nothing. `line_minute` is Twilio's minute.
    A cap of 0 is none; the day's is over all calls.
    """

    model: Prices | None = None
    transcription: Prices | None = None
    line_minute: int = 0
    call_cap: int = 0
    daily_cap: int = 0


class Outgoing(msgspec.Struct, frozen=True):
    """Settings of a call that we make. `name` is who is calling, for a screening service that asks.

    `message` is left after the beep of a voicemail; empty: none is, and the call is hung up. `detection`: a verdict of
    Twilio's on who answered will come. `claim_s`: the callee may let it ring for so long.
    """

    name: str = ""
    message: str = ""
    detection: bool = True
    claim_s: float = 60.0


class Shortcut(msgspec.Struct, frozen=True):
    """A key that, pressed alone, does what the model's call of a function would; `arguments` are its JSON."""

    key: str
    function: str
    arguments: str = "{}"


class KeypadRules(msgspec.Struct, frozen=True):
    """Rules by which keys belong together: after `pause_s` without one, or `longest_s` after the first, or with
    `finish` ("" for no key) or the last of `most_keys` no more do.
    """

    pause_s: float = 2.0
    longest_s: float = 30.0
    most_keys: int = 32
    finish: str = "#"
    shortcuts: tuple[Shortcut, ...] = ()


class SecretRules(msgspec.Struct, frozen=True):
    """Rules for the digits that a tool alone is given: how many they may be, and how often they may be keyed in."""

    least: int = 1
    most: int = 32
    tries: int = 3


class ToolRules(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rules for one tool, as they suit a phone.

    `at_hang_up`: a tool that runs as the call ends is finished or cancelled. `interruptible`: it is cancelled when the
    caller begins to speak. `meanwhile`: what the caller hears after a second of silence while it runs: `nothing`; what
    the model says before the call of its own accord (`preamble`), or else the filler; the `filler`; or else a sentence
    that the model is asked to say. `once`: it runs once a call. `duplicates`: refused is a second call while the first
    runs, of the same name, or of the same name and arguments. `approval`: the caller presses a key before it is run.
    `secret`: it is run with digits that the caller keys in first. `ran`: it has run already, in a call that is carried
    on.
    """

    name: str
    timeout_s: float = 10.0
    at_hang_up: Literal["finish", "cancel"] = "finish"
    interruptible: bool = False
    meanwhile: str = "preamble"
    once: bool = False
    duplicates: Literal["allow", "refuse_name", "refuse_arguments"] = "refuse_arguments"
    approval: Literal["none", "key"] = "none"
    secret: SecretRules | None = None
    ran: bool = False


class CallSettings(msgspec.Struct, frozen=True):
    """Durations are in seconds. `greeting` empty: the caller speaks first. `call_sid` and `account_sid` empty: any.

    `greeting_audio` is `greeting` as recorded, base64 mu-law; empty: the model says it. `announcement_audio` is the
    same for `announcement`, which is played before it; empty: there is none.

    `filler_audio` is played to a caller who waits and has heard nothing for `filler_s`, `apology_audio` to one who gets
    no answer; base64 mu-law, empty: nothing is.

    `resume` is a conversation that this call carries on, in spoken order: the session is told it, nobody is greeted,
    and the model is asked to speak at once; `told` says why, where it is not that the line broke. New turns are
    numbered after its highest. `elapsed_s` is how long the call had been going on by then, `spent_nano_usd` what its
    sessions and transcriptions had cost: limits go on from there.

    `outgoing`: the call is one that we make. Then the bot always speaks first, once it is known who answered; without
    a `greeting` the model finds the words. `destinations` are the names of those to whom the caller may be transferred.
    """

    session: SessionSettings = SessionSettings()
    greeting: str = ""
    greeting_audio: str = ""
    announcement: str = ""
    announcement_audio: str = ""
    barge_in: Literal["on", "after_greeting", "off"] = "on"
    max_call_s: float = 3600
    idle_s: float = 0.0
    no_progress_s: float = 0.0
    response_s: float = 8
    filler_s: float = 2.0
    filler_audio: str = ""
    apology_audio: str = ""
    call_sid: str = ""
    account_sid: str = ""
    keypad: KeypadRules = KeypadRules()
    money: Money = Money()
    resume: tuple[PastTurn, ...] = ()
    told: str = ""
    destinations: tuple[str, ...] = ()
    elapsed_s: float = 0.0
    spent_nano_usd: int = 0
    outgoing: Outgoing | None = None
    tools: tuple[ToolRules, ...] = ()
    """Rules of the tools that the shell runs: they are among the session's."""

    @property
    def greets(self) -> bool:
        """The bot speaks first, in a call that carries on no other."""
        return bool(self.greeting or self.outgoing) and not self.resume
