"""Warnings and errors of the log, by the name that stands first in the line: what each means, and the mend."""

from __future__ import annotations

LOG_LINES: dict[str, str] = {
    "hang_up_by_rest_failed": (
        "Twilio's REST API did not end the call (`why`); the stream was closed instead, which Twilio's debugger shows "
        "as 31921. Look at TWILIO_API_KEY, or at TWILIO_AUTH_TOKEN, and at TWILIO_API_URL."
    ),
    "transfer_call_failed": (
        "Twilio's REST API did not begin the call to a destination of mode briefing (`why`): the caller is back with "
        "the bot. Look at TWILIO_API_KEY, or at TWILIO_AUTH_TOKEN, at the number, and at the account's permissions."
    ),
    "caller_not_brought_back": (
        "A caller waits in a conference for a person who does not come, and Twilio's REST API would not lead them back "
        "(`why`): they hear music until they hang up. Look at the account's credentials."
    ),
    "transfer_check_failed": (
        "`BOT_TRANSFER_CHECK_URL` did not say if `destination` is free (`why`): the caller was not transferred. "
        "Mend that server, or unset it: then everybody on the list is rung in their hours."
    ),
    "webhook_refused": (
        "Somebody unsigned, or `TWILIO_AUTH_TOKEN` or `PUBLIC_URL` is not what Twilio used, or another account's "
        "call, a bad form, a call that is over: `why` says which, `mend` what to do. Compare `PUBLIC_URL` letter by "
        "letter with the number's webhook. What a stranger can cause is told at most once a minute of each kind, "
        "with how often since (`times`)."
    ),
    "request_refused": (
        "Nothing is at that path, or it takes another method: `why` says what was probably meant, such as `/voice` "
        "without a slash at its end. Told once a minute, too."
    ),
    "stream_refused": (
        "The stream's signature or token was wrong, used or older than 60 s, or `start` named another call. `why` "
        "says which."
    ),
    "call_refused": (
        "`full`: `BOT_MAX_CALLS` are running. `overloaded`: the event loop is too late. In these cases the caller "
        "heard the busy tone, or went to `BOT_OVERFLOW_URL`. `caller_at_once`, `caller_rate`: too many calls from "
        "that number; they heard the busy tone. `caller_denied`: by the lists; they were rejected. `draining`: the "
        "server is being stopped; they were held for a second and sent round again, or in its last seconds heard "
        "the busy tone. `spend_limit`: `BOT_MAX_DAILY_USD` is used up; they heard `spent.xml`."
    ),
    "offline_agent": (
        "`bot serve --offline`: calls are answered by the offline agent on this machine, a script with ears and a "
        "voice. No model is asked, and no key is used. Start without `--offline` for real calls."
    ),
    "offline_agent_died": (
        "The offline agent's process is gone, with this exit `code`, or the signal as a negative number: -9 is often a "
        "lack of memory. It is started again after `again_after_s` seconds; callers hear the apology meanwhile."
    ),
    "offline_agent_back": "The offline agent's process was started again, and answers where it did before.",
    "recognition_failed": (
        "The offline agent's recogniser failed on a turn, which then has no words; `why` is the error's name. The "
        "caller is asked to say it again."
    ),
    "overloaded": (
        "The event loop has been later than `BOT_MAX_LAG_MS`: new calls are turned away until `load_normal`."
    ),
    "handover_failed": (
        "A stream that came to one process could not be handed to the one that has its session. It is served where "
        "it is."
    ),
    "host_not_resolved": (
        "The host of `OPENAI_REALTIME_URL` could not be looked up; `why` is the system's word. It is looked up every "
        "minute, and now every five seconds. Calls go to the `kept` addresses of before; with none, each asks DNS "
        "itself."
    ),
    "warm_session_failed": (
        "An idle session (`BOT_WARM_SESSIONS`) could not be opened; it is tried again. Calls dial their own meanwhile."
    ),
    "stream_lost": (
        "The stream broke off, or was closed without Twilio's `stop`, perhaps by a proxy; `code` is the WebSocket's. "
        "Look for 31903 or 31924 in Twilio's debugger."
    ),
    "stream_not_back": (
        "The stream was closed for digits that the model sent, and Twilio opened no other: the caller has hung up, or "
        "`/voice/next` does not reach this server."
    ),
    "http_malformed": (
        "Something that is no HTTP came: a scanner, or TLS where none is spoken. Told at most once a minute, with "
        "how often since (`times`). Needs nothing."
    ),
    "call_not_resumed": (
        "A caller whose stream was over got `BOT_FALLBACK`. `why`: `unknown`, neither this process nor the store "
        "knows the call; `too_often`, five times or a stream that broke at once; `draining`, nobody took it."
    ),
    "store_silent": (
        "The call store did not answer in time about a call of another process. For a token this instance decided "
        "alone; a call that was to be carried on got `BOT_FALLBACK`. Look for `store_away`."
    ),
    "no_start": "A socket was opened and no `start` came in 5 s.",
    "model_closed": (
        "The session failed or was lost, and no other was to be had. `failure` says how; see OpenAI's table."
    ),
    "session_lost": (
        "The session failed or was lost, and another is dialled. `failure` says how. Seldom: nothing. Often: see "
        "OpenAI's table."
    ),
    "dial_failed": "The session that was to follow another could not be opened. It is tried again.",
    "model_error": (
        "OpenAI refused a message. `harmless` needs nothing; `turn` cost one try of a reply; `fatal` ended the call, "
        "or refused the session."
    ),
    "message_refused": (
        "Something that came from either side could not be used. `about` names the message, the field and what is "
        "wrong with it. Once for each kind and call. A field that the call does not need never does this."
    ),
    "transcription_failed": (
        "What a caller said could not be written down; `code` says why. Once a call; "
        "`heardline_upstream_errors_total` counts. `DeploymentNotFound`: see the topic azure-and-xai."
    ),
    "setting_untaken": (
        "At the start: the chosen model does not take a setting, or will be shut down; `why` is the sentence of `bot "
        "check`."
    ),
    "profiles_kept": (
        "SIGHUP: the file of `BOT_PROFILES` is wrong, `why` says in what, and the profiles are as they were. Mend it, "
        "and send SIGHUP again; `bot check` judges it before."
    ),
    "lookup_failed": (
        "The server of `BOT_LOOKUP_URL` gave no answer that could be used, and the call is as it would be without; "
        "`why` says what was wrong. `heardline_lookups_total` counts."
    ),
    "transcoding": (
        "The session hears (`heard`) or speaks (`spoken`) something else than was asked for, and the call is "
        "transcoded. Needs nothing; it costs CPU time. `BOT_MODEL_AUDIO` can ask for it."
    ),
    "format_mismatch": (
        "The session would hear or speak neither mu-law, A-law nor 24 kHz PCM. The call was ended rather than play "
        "noise."
    ),
    "response_failed": (
        "The model could not answer, or its answer was over without a sound. It is asked once more; if that fails "
        "too the caller hears an apology, and the conversation goes on. `details` gives OpenAI's words."
    ),
    "response_overdue": (
        "Nothing of an answer came in `BOT_RESPONSE_SECONDS`, or one broke off for that long. What was being made is "
        "cancelled, and the rest is as with `response_failed`."
    ),
    "apology_played": "A turn got no answer: it failed twice. The lines before say how.",
    "response_incomplete": (
        "A reply was cut by `BOT_MAX_OUTPUT_TOKENS`, or by a content filter, which counts as a failure."
    ),
    "limit_reached": (
        "One of our limits ended the call: the time and a minute more, or the wait for the session or the goodbye."
    ),
    "time_limit_reached": "`BOT_MAX_CALL_SECONDS` were over. What was being said was finished; then came a goodbye.",
    "idle_reached": "The caller did not answer two questions whether they were there. Then came a goodbye.",
    "no_progress": (
        "No new words of the caller for `BOT_NO_PROGRESS_SECONDS`: hold music, or a machine. Then came a goodbye."
    ),
    "spend_limit_reached": (
        "The money of the call, or of the day (`cap`), is used up. What was being said was finished; then came a "
        "goodbye."
    ),
    "goodbye_failed": "The model's goodbye did not come or broke off. The caller heard `limit.xml`.",
    "usage_unclear": (
        "OpenAI told a usage with numbers in it that can't be; `faults` of them were left out of the cost."
    ),
    "no_price": (
        "A limit of money is set, and a chosen model has no price: what it costs is not counted. Give it one by "
        "`BOT_PRICES`."
    ),
    "recording_failed": (
        "The disk would not take a file about the call, which `path` names. The call went on. Mend `BOT_RECORD_DIR`."
    ),
    "recording_not_closed": (
        "The disk would not take a file about the call, which `path` names. The call went on. Mend `BOT_RECORD_DIR`."
    ),
    "store_away": (
        "The call store does not answer; `why` is its own word. Calls go on, and what they tell waits in memory. "
        "`store_back` says when it was written again. Mend `DATABASE_URL`, the disk or the database."
    ),
    "outbox_retried": (
        "A webhook was not delivered, or a call's result was not to be had; `why` says so. It is tried again in "
        "`wait_s`, by whichever process is first. Often: look at the server of `BOT_WEBHOOK_URL`."
    ),
    "outbox_given_up": (
        "A webhook, or a call's result, was given up; `why` says what went wrong the last time. It stays in the call "
        "store: `bot outbox` shows it, and `bot outbox --again` has it tried anew. The call is none the worse."
    ),
    "outbox_failed": "A defect of the bot's in a webhook or a result; the traceback follows. It is tried again.",
    "setting_odd": (
        "At the start: a setting works, but may not do what its owner thinks; `why` says which. `bot check` says the "
        "same."
    ),
    "store_unusable": (
        "There can be no call store until this is mended and the server started again: `why` says what. Calls are "
        "answered and not recorded."
    ),
    "store_job_failed": (
        "A defect of ours in the purge or the look at the day's money, with its traceback. It is tried again."
    ),
    "records_behind": (
        "A call ended while the store was away, or with something already lost. `waiting` is what of all calls waits "
        "for the store."
    ),
    "records_lost": (
        "So many `rows` of this call were never stored: too many waited, or the store refused them. The call's "
        "record has the number, too."
    ),
    "records_given_up": "The server stopped while the store was away; so many `rows` went with it, of `calls`.",
    "record_refused": "The store took everything but these rows. A defect of ours: report it.",
    "record_failed": "A defect of ours cost this call a part of its record, with the traceback. The call went on.",
    "log_line_failed": (
        "A line could not be told: `why` is the kind of error, `logger` the module. A defect of ours or of a tool's "
        "module: report it. The call went on."
    ),
    "call_crashed": (
        "The process that served this call died. The call is in the store as `crashed`, up to its last sign of life."
    ),
    "client_secret_failed": "A browser asked for a client secret and the model's server gave none; `why` says so.",
    "console_refused": (
        "Somebody asked for the operator's page or the browser phone and may not: `why` says what was missing. At the "
        "sign-in it was a wrong token."
    ),
    "purge_failed": "A file whose time is over could not be erased; `why` says so.",
    "internal_error": "A defect of ours ended the call, with its traceback.",
    "webhook_failed": (
        "A defect of ours met a webhook of Twilio's, with its traceback. The caller heard an apology and was hung up."
    ),
    "tool_timeout": "A tool did not answer within its time. It was stopped if it could be, and the model was told.",
    "tool_failed": "A tool raised an error, whose traceback follows: mend it. The model was told in a sentence.",
    "tool_refused": "A tool did not do what it was asked, or, with `ran` false, was called with wrong arguments.",
    "tool_output_refused": "The session refused a tool's result; it was sent once more, the tool was not run again.",
    "tools_away": (
        "The tools of BOT_TOOLS_URL, or of BOT_TOOLS, can't be used, `why` says. Calls go on without them, and "
        "they are looked for again every 30 s."
    ),
    "mcp_tools_away": (
        "The tools of this server of BOT_MCP are gone on without, `why` says: its list failed, or was late. They are "
        "used once they come; `bot tools` asks the server."
    ),
    "tool_call_lost": (
        "The session was lost while a remote tool ran, or was to be approved. It may have been done; the next session "
        "was told so."
    ),
    "registry_failed": (
        "What the processes share about calls could not be read or written, `why` says. Look at the disk of TMPDIR. "
        "Twilio was told to ask again, or a call's end is not known to the other processes."
    ),
    "call_not_placed": (
        "A request for a call was not carried out, `why` by the name that the answer has (`bot help outbound`). "
        "`twilio` is the number of Twilio's error."
    ),
    "call_not_called_off": (
        "A call that still rang when its process ended could not be ended at Twilio, `why` says. If somebody picks up, "
        "they hear Twilio's own error."
    ),
    "answer_verdict_unknown": "Twilio's verdict on who answered is a word that this version does not know.",
    "sms_refused": "A text message of the model's was not sent, `why` is Twilio's word. The model was told.",
}

ROUTINE_LINES: dict[str, str] = {
    "profiles_reread": "SIGHUP: the file of `BOT_PROFILES` was read again, and new calls have its settings.",
    "lookup_answered": "The server of `BOT_LOOKUP_URL` has said what holds for a call, after `ms` milliseconds.",
    "listening": "The server answers on `host` and `port`.",
    "call_placed": "Twilio rings somebody for the bot; `calls` are there now.",
    "answer_verdict": "Twilio's detection says what answered, `after_ms` from the placing of the call.",
    "answered": (
        "It was found who answered a call that the bot made: `by`, `why` by which sign, and Twilio's `verdict` so far. "
        "A later line of the same call corrects it."
    ),
    "beep_heard": "A tone was heard on a call that the bot made, as a voicemail sounds before it records.",
    "message_begun": "The voicemail's greeting is over, and the message is being left.",
    "nobody_to_talk_to": (
        "A call that the bot made is ended without a word: `no_message` for a voicemail, `fax`, or `no_end` of it."
    ),
    "sms_sent": "The model has sent a text message, of so many `chars`.",
    "call_started": "A call has come in and its session is dialled; `calls` are there now.",
    "session_ready": "The session was configured `after_ms` from the webhook. Above a second the way there is slow.",
    "begun": "Stream and session are both there, `after_ms` from the webhook: the caller hears the bot from here on.",
    "announcement_heard": "The announcement was heard to its end: from here on the caller may be recorded.",
    "recording_started": "The WAV of the call begins here.",
    "interrupted": (
        "The caller, or an operator, cut the bot short: `heard_ms` of the item's `received_ms` were heard, nothing of "
        "`unheard_items`; `generating` says that the reply was still being made."
    ),
    "filler_played": "The caller had waited `after_ms` and heard a filler. Many of them mean that the model is slow.",
    "idle_prompt": "The caller was silent for `BOT_IDLE_SECONDS` and was asked whether they are there.",
    "client_secret_made": "A browser was given a client secret: it may open sessions of its own for `lasts_s`.",
    "browser_phone_call": "A call by the browser phone is over; `ending` is how, as Twilio's part of it saw it.",
    "operator_flagged": "Somebody at the operator's page had a call written as a test, in so many `files`.",
    "operator_hint": "Somebody at the operator's page wrote so many `letters` to the model of this call.",
    "operator_listens": "Somebody at the operator's page listens in to the call.",
    "operator_listened": "They have listened in for so many `seconds`.",
    "operator_takes_over": "Somebody at the operator's page, `by` name, wants to speak with the caller.",
    "operator_took_over": "Their page has the call no more, after so many `seconds`; `why` as in `handed_back`.",
    "operator_ran_tool": "Somebody at the operator's page ran a tool by hand; `ok` false: it failed.",
    "operator_trial": "Somebody at the operator's page tries instructions of so many `letters` in text.",
    "operator_trial_over": "They have tried them: so many `answers`, which cost so many `usd`.",
    "operator_sent_again": "Somebody at the operator's page had `entries` given up before sent again.",
    "operator_transfer": "Somebody at the operator's page wants the caller transferred to `destination`.",
    "operator_hung_up": "Somebody at the operator's page ended the call.",
    "hint_given": "Somebody at the operator's page wrote to the model, and the session was told.",
    "take_over_waits": "Somebody at the operator's page wants the call, and has it once the caller can hear them.",
    "take_over_called_off": "They do not want it any more, or the call was over (`why`): the bot has kept it.",
    "take_over_refused": "Somebody at the operator's page wanted a call that another has, or that is ending (`why`).",
    "taken_over": "`by` speaks with the caller, `waited_ms` after they wanted to; the bot is silent.",
    "handed_back": (
        "The call is the bot's again: `why` says that `by` gave it back (`asked`), left the page (`left`), was not "
        "heard of any more (`lost`), or that the call had to end (`limit`) or did (`call_over`). They had it for "
        "so many `seconds`, and the caller spoke so many `turns` to them."
    ),
    "keys_entered": "The caller pressed `number` keys, and the model was told them. Which they were is not logged.",
    "key_shortcut": "The caller pressed a key of `BOT_KEYPAD_SHORTCUTS`, which acts as the model's call of `function`.",
    "digits_sent": "`number` digits are played for the bot: the stream is closed, and Twilio opens the next one.",
    "stream_back": "The stream that follows sent digits has come, and the call goes on.",
    "secret_asked": "`tool` waits for digits that the caller keys in for it alone: keys and audio are hidden.",
    "secret_entered": "The digits for `tool` have come, and it is run with them. They stand in no log.",
    "secret_not_entered": "They have not: the caller called it off, keyed in too few or nothing, or the call ended.",
    "secret_refused": "`tool` asked for digits once too often in this call; the model was told so.",
    "hang_up_asked": "The model asked to hang up: that is done once its goodbye was heard.",
    "hang_up_refused": "The model asked to hang up before the caller had said anything; it was told to wait.",
    "hang_up_dropped": "The caller spoke before the goodbye was over: the call goes on.",
    "tool_called": "The model called a tool, and it runs. Neither arguments nor results are ever logged.",
    "mcp_tools_listed": "The tools of this server of BOT_MCP are there, `after_ms` after the session was.",
    "tool_done": (
        "A tool has answered; `ok` false: it failed, and the model was told so in a sentence. `ran` false: it was "
        "asked wrongly, and did nothing."
    ),
    "tool_call_refused": "A call of a tool was refused by its rules: it runs already, or may run once a call.",
    "tool_approval_asked": "A tool waits for the caller to press 1. Any other key refuses it.",
    "tool_approved": "The caller pressed 1: the tool runs.",
    "tool_not_approved": "The caller pressed another key than 1: the tool was not run.",
    "tool_called_off": "The caller wanted no more of a tool that ran, and the model called it off.",
    "tool_too_late": "A tool answered when nobody waited for it any more: its result was dropped.",
    "tool_sentence_asked": "A tool took more than a second, and the model was asked to say the sentence of its rules.",
    "tools_back": "The server of BOT_TOOLS_URL has answered: calls from here on have its tools.",
    "time_limit_near": "The model was told to wrap up: `limit_s` is near.",
    "spend_limit_near": "The model was told to wrap up: four fifths of a cap on money are spent.",
    "session_replaced": "Another session has the call, after `after_ms` without; `told` turns were told to it.",
    "session_missed": "The stream came to another process, which serves it; the session that waited here was closed.",
    "call_ended": "A stream of the call is over: `reason` says why, with its length, turns, cost and counts.",
    "call_resumed": "Twilio asked what follows, and the call goes on as its stream number `leg`.",
    "call_status": "Twilio says what became of the call, with its `error` number if there was one.",
    "transfer_asked": "The model asked to transfer the caller to `destination`: first it is found out if that is free.",
    "transfer_refused": (
        "The caller was not transferred: the model asked before they had said anything (`too_early`), while they spoke "
        "or the call was ending (`not_now`), for nobody on the list (`no_such_destination`), or for somebody who is "
        "not there (`not_free`). The model was told which."
    ),
    "transfer_promised": "The destination is free: the caller is put through once they have heard that they are.",
    "transfer_dropped": "The caller spoke before they were put through: the call goes on.",
    "transfer_rings": "Twilio was told to ring `destination`, a second time where it won't show the caller's number.",
    "transfer_taken": "Whoever answered at `destination` pressed the key that takes the call.",
    "transfer_declined": "Whoever answered at `destination` pressed another key, and was hung up on.",
    "call_transferred": "The caller has talked to a person: the one whose number `BOT_FALLBACK` is, or `destination`.",
    "transfer_failed": (
        "That person did not answer, or did not take the call; `status` is Twilio's word, and `result` ours. After a "
        "transfer of the bot's the caller is back with it; after `BOT_FALLBACK` they heard the apology."
    ),
    "message_left": "The caller has left a message, which lies with Twilio at `url`.",
    "outbox_done": "A webhook (`kind`) was delivered with its `id`, or a call's result was had.",
    "outbox_put_off": "A call's result waits, since the day's money (`BOT_MAX_DAILY_USD`) is used up.",
    "load_normal": "The event loop is in time again: calls are taken.",
    "store_back": "The call store answers again.",
    "purged": "So many files, and the words of so many calls, were erased because their time was over.",
    "left_over_removed": "What a killed server had left in TMPDIR was removed.",
    "draining": "The server was told to stop: `calls` may go on for `seconds`.",
    "drained": "No call is left, and nobody is owed an answer: the process ends.",
}
"""Log lines of every call, or of calls that are in no trouble: those at level info."""
