"""Reasons for which a call ends, by the one name that log, metrics and records have for each."""

from __future__ import annotations

END_REASONS: dict[str, str] = {
    "caller_hung_up": (
        "The caller hung up: Twilio stopped the stream, or said that the call is over. Should it ask what follows "
        "with the caller still there, the call is carried on. Of a call that the bot made: the callee did, or nobody "
        "took it, as `answered_by` says."
    ),
    "bot_hung_up": (
        "The model asked to hang up, and its goodbye was heard; or a call that the bot made was answered by a machine, "
        "with its message left or none to leave; or an operator ended the call from the console."
    ),
    "transferred": (
        "The caller was put through to a person, who took the call: a destination of `BOT_TRANSFER`, or, where the bot "
        "could not go on, the one whose number `BOT_FALLBACK` is. While the person is rung it stands here too."
    ),
    "idle": (
        "The caller said nothing for three times `BOT_IDLE_SECONDS`, though asked twice, or no new words for "
        "`BOT_NO_PROGRESS_SECONDS`; they heard a goodbye: the model's, or `limit.xml`."
    ),
    "time_limit": "`BOT_MAX_CALL_SECONDS` were over; the caller heard a goodbye: the model's, or `limit.xml`.",
    "spend_limit": (
        "`BOT_MAX_CALL_USD` or `BOT_MAX_DAILY_USD` was reached, and the caller heard a goodbye: the model's, or "
        "`limit.xml`."
    ),
    "model_unavailable": (
        "The session could not be opened, was lost, or left three turns in a row without an answer. The lines before "
        "say which. The caller gets what `BOT_FALLBACK` says."
    ),
    "line_lost": (
        "The stream never came, never sent `start`, broke or was closed with nobody's having hung up, or its process "
        "died; the call was carried on if there was a way. Look for 319xx in Twilio's debugger."
    ),
    "drained": (
        "The server was stopped and ended the stream: in a pause of the last six seconds of `BOT_DRAIN_SECONDS`, at "
        "their end, or at a second Ctrl-C. Another process carried the call on; where there was none, the caller got "
        "what `BOT_FALLBACK` says. `HeardlineCallsDrained` counts both, so it also tells of a deploy that went well."
    ),
    "refused": "The stream was not what its token said, or not mu-law at 8000 Hz.",
    "internal_error": "A defect of ours. The traceback stands in the log: please report it, with the fixture.",
}
