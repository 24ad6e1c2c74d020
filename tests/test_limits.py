"""Every limit by its value, and why it is that: tests that make one short must not be all that knows of it."""

from __future__ import annotations

import ast
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

US, MIB, KIB = 1_000_000, 1024 * 1024, 1024
TESTS = Path(__file__).parent
HANDSHAKE = "a closing handshake is bounded to half a second (design, ending a call)"
DOORS = "limits on our own doors (design, security)"
HEARD = "what the caller heard (design)"
TWILIO, OPENAI = "twilio-voice", "openai-realtime"

LIMITS: list[tuple[str, Any, str]] = [
    # the doors
    ("server.http.app.MAX_BODY_BYTES", 64 * KIB, DOORS),
    ("server.http.app.IDLE_CONNECTION_S", 10.0, DOORS),
    ("server.http.app.LINGER_S", 2.0, DOORS),
    ("server.http.app.STOP_S", 5.0, "deploying: what may follow the last call's end"),
    ("server.http.app.BACKLOG", 2048, "a burst of calls waits in the kernel while a process is busy"),
    ("server.http.http_shutdown.IN_FLIGHT_S", 0.1, "of the second in which a stop lets go of connections"),
    ("server.http.media_stream.START_S", 5.0, DOORS),
    ("server.http.webhook.BODY_S", 5.0, f"a third of the 15 s that {TWILIO} 1.4 gives a webhook"),
    ("server.http.webhook.MAX_FIELDS", 500, f"{TWILIO} 1.2: a form has some thirty"),
    ("server.http.voice_webhooks.fallback.MAX_DETAIL", 200, "a line of the log"),
    ("server.shared.socket_handover.MAX_REQUEST_BYTES", 32 * KIB, "a datagram of a Unix socket"),
    ("server.calls.phone_side.phone_socket.MAX_MESSAGE_BYTES", 64 * KIB, DOORS),
    ("server.calls.phone_side.phone_socket.FULL_BYTES", 64 * KIB, f"{HEARD}, 5: nothing stands before a clear"),
    ("server.calls.phone_side.phone_socket.UNREAD_BYTES", MIB, "some two minutes of audio as messages"),
    ("server.calls.phone_side.phone_socket.CLOSE_S", 0.5, HANDSHAKE),
    ("server.calls.phone_side.phone_socket.QUIET_S", 20.0, "faults: a dead connection is found within 40 s"),
    ("server.bookkeeping.outbox_worker.LOOK_S", 1.0, "webhooks: how soon an event is on its way"),
    ("server.bookkeeping.outbox_worker.LEASE", timedelta(seconds=120), "longer than any attempt, clocks' faults included"),
    ("server.bookkeeping.outbox_worker.WAITS_S", (5, 30, 120, 600, 1800, 3600, 7200, 14400, 21600), "webhooks: retries"),
    ("server.bookkeeping.outbox_worker.JITTER", 0.2, "what failed together does not come back together"),
    ("server.bookkeeping.webhook_delivery.TIMEOUT_S", 10.0, "webhooks: how long a receiver may take"),
    ("server.bookkeeping.webhook_delivery.MAX_BODY_BYTES", MIB, "webhooks: the longest message"),
    ("server.bookkeeping.store_service.LAST_WEBHOOKS_S", 2.0, "deploying: what may follow the last call's end"),
    ("hooks.signed_post.MAX_ANSWER_BYTES", 64 * KIB, "an answer of the operator's server"),
    ("after_call.text_model.TIMEOUT_S", 60.0, "half of LEASE"),
    ("after_call.text_model.MAX_BYTES", 1_000_000, "an answer has some thousand tokens"),
    ("after_call.result_request.MAX_CHARS", 200_000, "some hours of talk, below what a text model reads"),
    (
        "store.sql.announcing._CARRIED_ON_WITHIN",
        {"crashed": 45, "line_lost": 45, "drained": 45, "caller_hung_up": 10, "transferred": 180},
        "Twilio asks what follows within seconds, a call is held for a while, and whoever is rung may not take it",
    ),
    ("store.sql.driver_threads.LAST_S", 1.0, "a thread has a file to close, and a stop shall not wait for a disk"),
    ("websocket.fair_reader.TURN_BYTES", 512, "a frame of a caller is 0.4 kB"),
    ("websocket.fair_reader.BURST_S", 0.1, "five frames at once: a line that caught up"),
    ("websocket.fair_reader.SHARE", 0.02, "a fiftieth of the loop for each stream"),
    ("websocket.fair_reader.PAUSE_S", 0.02, "a frame"),
    # calls
    ("server.directory.call_endings.SETTLE_S", 1.5, "below the 2 s in which the next thing is heard"),
    ("server.directory.needless_sessions.LOOK_S", 0.25, "four looks a second at where a stream came"),
    ("server.directory.call_endings.AGAIN", 5, "a registry on a full disk is tried for five seconds"),
    ("server.directory.call_endings.AGAIN_S", 1.0, "a registry on a full disk is tried for five seconds"),
    ("server.directory.call_endings.SETTLE_LOOK_S", 0.05, "twenty looks a second for what a call's end waits for"),
    ("server.directory.needless_sessions.LOOK_LIVE_S", 1.0, "a beat: another process's call is looked for once in one"),
    ("server.lookup.call_lookup.LOOKUP_S", 2.0, "lookup: a caller whom nobody can tell about waits so long"),
    ("server.lookup.lookup_answer.MAX_VALUE", 2_000, "lookup: what a name or an address may be, and more"),
    ("server.lookup.lookup_answer.MAX_EXTRA", 20_000, "lookup: as long as what a call is carried on with"),
    ("server.lookup.lookup_answer.MAX_SAID", 1_000, "lookup: over a minute of speech, and below Twilio's 4096"),
    ("server.lookup.lookup_answer.MAX_VARIABLES", 100, "lookup"),
    ("server.directory.call_endings.PAST_S", 180.0, "a person is rung, told and asked meanwhile; then the store knows"),
    ("server.http.put_through.verdict.AT_ONCE_S", 5.0, "transfer: a connection that ends so soon was none"),
    ("server.http.put_through.briefing.PLACE_S", 5.0, "transfer: the caller hears nothing while the call is placed"),
    ("server.shared.transfers.MOST", 3, "transfer: a chain is bounded"),
    ("server.directory.transfer_desk.CHECK_S", 2.0, "transfer: the caller waits for the operator's server"),
    ("server.calls.rest_hang_up.HANG_UP_S", 2.0, "transfer: the caller hears nothing while Twilio is asked to hang up"),
    ("call.handoff.transfer.CHECK_US", 5 * US, "longer than CHECK_S and what the shell needs"),
    ("call.handoff.transfer.PROMISE_US", 5 * US, "below BOT_RESPONSE_SECONDS: they are put through without one"),
    ("call.handoff.transfer.MAX_SUMMARY", 500, "transfer: half a minute of speech"),
    ("server.shared.resumption.MAX_LEGS", 5, "deploying: a call is carried on five times at most"),
    ("server.shared.resumption.STEADY_S", 3.0, "deploying: and not when its new stream broke within three seconds"),
    ("server.shared.call_registry.DAY_S", 24 * 3600, "an end is known for a day; a call lasts four hours at most"),
    ("server.shared.call_registry.RECENT_S", 60.0, "whatever is asked of a call that is over is asked within seconds"),
    ("server.shared.caller_quota.MINUTE_S", 60.0, "BOT_CALLS_PER_MINUTE"),
    ("server.directory.call_admission.SAMPLES", 5, "a single stall is no load"),
    ("server.directory.call_admission.CALM", 0.5, "calm comes with a margin"),
    ("server.shared.call_registry.BUSY_S", 2.0, "a step waits no longer for another process's"),
    ("server.shared.processes.SEEN_S", 3.0, "three beats of a process"),
    ("server.workers.server_process.HEARTBEAT_S", 1.0, "a process says every second that it is there"),
    ("server.shared.store_lookup.TOKEN_S", 0.5, "deploying: for a token the store is waited for half a second"),
    ("server.shared.store_lookup.TOGETHER_S", 0.05, "a fifth of what the store has to answer in"),
    ("server.shared.store_lookup.NEW_S", 0.25, "a webhook played again is let go of before its stream could come"),
    ("server.shared.store_lookup.SETTLE_S", 1.5, "deploying: for a call that is carried on 1.5 s"),
    ("server.bookkeeping.store_service.LAST_ROWS_S", 5.0, "deploying: the store may take five seconds more"),
    ("server.bookkeeping.store_service.GONE_S", 2.0, "a store that is away does not hold a stop up"),
    ("server.bookkeeping.store_service.LOOK_S", 5.0, "the day's money is looked up every five seconds"),
    ("server.directory.spent_today.LOOK_S", 5.0, "the day's money is looked up every five seconds"),
    ("server.bookkeeping.meter.FLUSH_S", 1.0, "watching: numbers are published once a second"),
    ("server.bookkeeping.meter.SLICE", 50, "calls are measured some at a time, so that none is held up"),
    ("server.bookkeeping.call_records.MOST", 10_000, "bounded memory"),
    ("server.bookkeeping.call_records.MAX_PARTY", 64, "a number or an address, not a letter"),
    ("server.calls.process_timer.TICK_S", 0.01, "gaps are looked at every 10 ms, half a frame"),
    # calls that the bot makes
    ("server.outbound.dial_desk.STORE_S", 5.0, "outbound: nobody is on the line yet"),
    ("server.outbound.placing.LATE_S", 5.0, "outbound: a call in doubt may ring a little longer"),
    ("server.outbound.call_request.MAX_PURPOSE", 8_000, "outbound: some pages"),
    ("server.outbound.call_request.MAX_WORDS", 2_000, "outbound: two minutes of speech"),
    ("tools.send_sms.TIMEOUT_S", 15.0, "outbound: longer than the REST client's ten seconds"),
    ("audio.beep.SHORTEST_MS", 160, "outbound: a beep, and no click"),
    ("audio.beep.LONGEST_MS", 1_500, "outbound: a ringing tone lasts two seconds, a fax three"),
    ("call.conversation.who_answered.SHORT_US", 2_400_000, f"{TWILIO} 7.3: MachineDetectionSpeechThreshold"),
    ("call.conversation.who_answered.PAUSE_US", US, "outbound: a second after their hello"),
    ("call.conversation.who_answered.WORDS_US", 3 * US, "outbound: twice what a transcript takes"),
    ("call.conversation.who_answered.VERDICT_US", 5 * US, "outbound: a verdict that is still to come"),
    ("call.conversation.who_answered.SILENCE_US", 5 * US, f"{TWILIO} 7.3: MachineDetectionSilenceTimeout"),
    ("call.conversation.who_answered.GREETING_OVER_US", 3 * US, "outbound: no pause of a greeting is so long"),
    ("call.conversation.who_answered.LONGEST_US", 75 * US, "outbound: what comes to no end"),
    ("call.conversation.who_answered.SURE_US", 20 * US, "outbound: a voicemail has been heard by then"),
    ("store.sql.dial_book.KEPT", timedelta(days=2), "outbound: a key is known for two days"),
    # a stop
    ("server.workers.drain.LOOK_S", 0.1, "below what a caller notices"),
    ("server.workers.drain.ASK_S", 1.5, f"{TWILIO} 1.4: Twilio asks at once"),
    ("server.workers.drain.LEAVE_S", 6.5, "deploying: 6.5 s at most"),
    ("server.workers.drain.PAUSES_S", 6.0, "deploying: the last six seconds of BOT_DRAIN_SECONDS"),
    ("server.directory.departure.HOLDS", 2, "deploying: sent round twice at most"),
    ("server.directory.departure.ASK_S", 1.5, f"{TWILIO} 1.4: Twilio asks at once"),
    ("server.directory.departure.LEAVE_S", 6.5, "deploying: 6.5 s at most"),
    ("server.workers.gunicorn_worker.KILL_AFTER_DRAIN_S", 18, "deploying: BOT_DRAIN_SECONDS + 18 s"),
    ("server.workers.gunicorn_worker.SILENT_WORKER_S", 30, "a process whose loop stands still is replaced"),
    # idle sessions
    ("server.calls.sessions.warm_pool.OLDEST_S", 3000.0, f"{OPENAI} 1.2: a session lasts 60 minutes"),
    ("server.calls.sessions.warm_pool.RETRY_S", (1.0, 2.0, 5.0, 10.0, 30.0), "later and later"),
    ("server.calls.sessions.warm_pool.READY_S", 8.0, "a session that is not ready by then is not to be had"),
    # the phone's side
    ("twilio.rest.TIMEOUT_S", 10.0, "a caller waits for a transfer; Twilio answers in tenths of a second"),
    ("twilio.rest.WAITS_S", (0.25, 0.75, 2.0), "later and later, within the ten seconds"),
    ("twilio.rest.MAX_TWIML_CHARS", 4000, f"{TWILIO} 7.2: the longest Twiml parameter"),
    ("twilio.rest_transport.MAX_ANSWER_BYTES", MIB, "bounded memory"),
    ("twilio.token.LIFETIME_S", 60, "design, security"),
    ("twilio.token.NONCE_BYTES", 16, "design, security: 128 bits"),
    ("twilio.twiml.HOLD_S", 1.0, "deploying: a second each"),
    ("twilio.twiml.MAX_BYTES", 64 * KIB, f"{TWILIO} 1.3: 11750 above 64 kB"),
    ("twilio.playout.MAX_BUFFERED_BYTES", 600 * 8000, "ten minutes of audio"),
    # the model's side
    ("realtime.connection.MAX_MESSAGE_BYTES", 16 * MIB, DOORS),
    ("realtime.connection.CLOSE_S", 0.5, HANDSHAKE),
    ("realtime.connection.LOOK_S", 1.0, "three looks, a second apart, find a session that is dead"),
    ("realtime.connection.SILENT_LOOKS", 3, "three looks, a second apart, find a session that is dead"),
    ("realtime.connection.MAX_BUFFERED_BYTES", 4 * MIB, "minutes of a caller's audio that nobody takes"),
    ("realtime.addresses.REFRESH_S", 60.0, "addresses are looked up before a caller waits for them"),
    ("realtime.addresses.RETRY_S", 5.0, "addresses are looked up before a caller waits for them"),
    ("realtime.addresses.NEXT_ADDRESS_S", 0.25, "RFC 8305, 5: the next address after 250 ms"),
    ("realtime.usage.MAX_TOKENS", 10**7, "a usage with more is a fault of its sender"),
    ("realtime.usage.MAX_SECONDS", 7200, "twice the longest session"),
    ("realtime.usage.MS_PER_AUDIO_TOKEN", 100, f"{OPENAI} 2.4: ten tokens a second of the caller's audio"),
    ("realtime.prices.MAX_USD", 100_000, "a price per million tokens that is no slip"),
    # the call
    ("call.handoff.operator_on_line.GONE_US", 2 * US, "taking over: a caller is left alone no longer than a fault may last"),
    ("call.conversation.state_deadlines.CLAIM_US", 10 * US, "design: unclaimed sessions are closed after 10 s"),
    ("call.conversation.state_deadlines.CLOSING_US", 30 * US, "a goodbye lasts no longer"),
    ("call.conversation.state_deadlines.GRACE_US", 60 * US, "a goodbye behind a long answer"),
    ("call.keys.secret_entry.FIRST_US", 30 * US, "keypad: the caller looks for their card"),
    ("call.keys.secret_entry.NEXT_US", 10 * US, "keypad: a digit every now and then, read off a card"),
    ("call.keys.secret_entry.LONGEST_US", 120 * US, "keypad: an entry takes two minutes at most"),
    ("call.keys.send_digits.MOST_DIGITS", 32, f"{TWILIO} 8: as many as SendDigits takes"),
    ("call.keys.send_digits.LEAVE_US", 10 * US, "keypad: a bot that talks on is cut short for the digits"),
    ("call.keys.send_digits.RETURN_US", 15 * US, f"{TWILIO} 1.4: as long as Twilio waits for a webhook"),
    ("call.keys.send_digits.LISTEN_US", 4 * US, "keypad: a menu speaks within four seconds"),
    ("server.calls.phone_side.hidden_keys.AFTER_S", 3.0, "keypad: a caller who had not noticed the end keys on"),
    ("server.calls.phone_side.hidden_keys.MOST_DIGITS", 64, "keypad: more digits than any number has"),
    ("tools.rules.MOST_DIGITS", 64, "keypad: no more than are kept"),
    ("call.rules.max_duration.WRAP_UP_US", 30 * US, "limits: 30 s before the end the model is told"),
    ("call.playout.ledger.CONFIRM_WITHIN_US", 2 * US, "design, ending a call: 2 s after the ledger says it ended"),
    ("call.playout.ledger.MARK_EVERY_BYTES", 1_600, f"{HEARD}, 2: a mark after every 200 ms of audio"),
    ("call.playout.ledger.STALLED_US", 30 * US, "a line that stood still for longer does not come back"),
    ("call.playout.ledger.PROBE_EVERY_US", 50_000, "a mark on an empty buffer"),
    ("call.playout.ledger.PROBES_AHEAD", 6, "a round trip of 300 ms of them"),
    ("call.playout.ledger.ASKED_AT_FIRST_US", 500_000, "as long as a greeting that is ready takes to come"),
    ("call.playout.ledger.MAX_RUNS", 256, "bounded memory"),
    ("call.playout.playout_estimate.WINDOW", 32, "the mean of so many round trips errs by 1.4 ms"),
    ("call.playout.playout_estimate.LONGEST_US", US, "no round trip of a call is longer"),
    ("call.playout.playout_estimate.TOGETHER_US", 100_000, "no jitter brings marks together that stand so far apart"),
    ("call.playout.playout_estimate.MOST_JITTER_US", 40_000, "the spread of a line of +-60 ms"),
    ("call.playout.ledger.EARLY_US", 30_000, "an echo that is earlier is none of a phone's that plays"),
    ("call.playout.ledger.MAX_ENTRIES", 64, "bounded memory"),
    ("call.playout.ledger.MAX_PARTS", 4_096, "bounded memory"),
    ("call.playout.playout_queue.HELD_BYTES", 600 * 8_000, f"{HEARD}, 5: ten minutes are kept"),
    ("call.playout.playout_queue.HELD_PIECES", 32_768, "bounded memory"),
    ("call.playout.playout_queue.STEP_CHARS", 64_000, f"{HEARD}, 5: 48,000 bytes in base64 are one message"),
    ("call.uplink.frames_and_gaps.GAP_US", 100_000, "design: when no frame has come for 100 ms"),
    ("call.uplink.frames_and_gaps.HOLD_BACK_US", 40_000, "two frames may yet come"),
    ("call.uplink.frames_and_gaps.BACKLOG_BYTES", 240_000, "performance: the caller's audio is kept, 30 s of it"),
    ("call.uplink.frames_and_gaps.BACKLOG_FRAMES", 8_000, "bounded memory"),
    ("call.uplink.frames_and_gaps.PIECE_BYTES", 8_000, "a second of backlog at a time"),
    ("call.uplink.appended_audio.TURN_BYTES", 160_000, "20 s of a turn are told to the next session"),
    ("call.uplink.wordless_turns.ALL_BYTES", 480_000, "a minute of all turns"),
    ("call.rules.session_liveness.ANSWER_US", 3 * US, f"{OPENAI} 3.3: a response is made known at once"),
    ("call.rules.session_liveness.MADE_US", 6_000_000, f"{OPENAI} 5: over twice the slowest first audio known"),
    ("call.rules.session_liveness.MADE_SHARE", 0.75, "it says nothing for three quarters of BOT_RESPONSE_SECONDS"),
    ("call.rules.session_liveness.CANCEL_US", 1_500_000, f"{OPENAI} 3.3: and so is its end"),
    ("call.rules.session_liveness.SPEECH_US", US, "beyond the silence that ends a turn"),
    ("call.rules.session_liveness.LATE_US", 250_000, "a clock that stood still says nothing of a session"),
    ("call.rules.session_liveness.LOOKED_BACK_US", 10 * US, "the caller's audio in which the end of speech is looked for"),
    ("call.prompts.filler.REPEAT_US", 6 * US, "the caller is told that somebody is there every six seconds"),
    ("call.rules.meanwhile.SILENCE_US", US, "after a second of silence while a tool runs the caller hears something"),
    ("call.tool_calls.approval.APPROVAL_US", 45 * US, "the question, and a caller who looks for the keypad"),
    ("call.tool_calls.function_calls.TOLD_AGAIN", 1, "an output that is refused twice is wrong, not unlucky"),
    ("call.tool_calls.function_calls.MAX_ARGUMENTS", 16_000, "4,000 tokens of arguments are no order by telephone"),
    ("call.tool_calls.function_calls.MAX_NAME", 64, "a tool's name has so many letters at most"),
    ("call.tool_calls.asked_calls.REMEMBERED", 64, "more than a call asks for; all are told to the next session"),
    ("tools.told_results.MAX_CHARS", 32_000, "some 8,000 tokens, of a context of 32,000"),
    ("tools.rules.LONGEST_S", 300.0, "a caller waits no longer for anything"),
    ("server.workers.event_loop.SWITCH_S", 0.0001, "shorter than any step of the loop; CPython's own is 0.005"),
    ("tools.python.threads.MOST_THREADS", 64, "stacks of memory; calls that each wait for one"),
    ("tools.python.threads.IDLE_S", 10.0, "one tool call follows another, or none for long"),
    ("tools.python.threads.CLOSE_S", 1.0, "a process that ends waits no longer for tools"),
    ("tools.http_tools.LIST_S", 5.0, "a server starts while its tools are asked for"),
    ("tools.http_tools.MAX_TOOLS", 64, "each is paid for in every response"),
    ("server.directory.call_starter.FINISH_S", 10.0, "a tool's own time"),
    ("tools.toolboxes.AGAIN_S", 30.0, "a server of tools that is away is back within a deploy"),
    ("call.rules.retries.IN_A_ROW", 3, "responses that fail"),
    ("call.conversation.goodbye.MAX_TRIES", 3, "a goodbye is asked for"),
    ("call.rules.idle.MAX_PROMPTS", 2, "a silent caller is asked twice"),
    ("call.session.failover.SESSION_US", 3600 * US, f"{OPENAI} 1.2: a session lasts 60 minutes"),
    ("call.session.session_plan.AHEAD_US", 300 * US, "five minutes before that the next one is dialled"),
    ("call.session.session_plan.LAST_US", 20 * US, "at the latest 20 s before it ends it is changed"),
    ("call.session.failover.OUTAGE_US", 10 * US, "after ten seconds without a session the call ends"),
    ("call.session.failover.DIAL_S", 4.0, "a dial that takes longer is given up"),
    ("call.session.failover.MAX_TRIES", 12, "dials in one outage"),
    ("call.session.failover.RETRY_US", (0, 500_000, US, 2 * US), "at once, then later and later"),
    ("call.session.failover.OPENING_RETRY_US", (250_000, US), "while the phone still rings"),
    ("call.rules.spend_cap.NEAR_PERCENT", 80, "money: at four fifths of a cap the model is told"),
    ("call.rules.spend_cap.MINUTE_US", 60 * US, "BOT_TWILIO_USD_PER_MINUTE: every minute begun"),
    ("call.transcript.past_turns.BUDGET_CHARS", 24_000, "of what was said, for the next session"),
    ("call.transcript.past_turns.MOST_TURNS", 200, "of what was said, for the next session"),
    ("call.transcript.transcript.MAX_CHARS", 20_000, "of one turn"),
    ("call.transcript.transcript.MAX_TURNS", 2_000, "bounded memory"),
    ("call.transcript.transcript.MAX_CALL_CHARS", 4_000_000, "bounded memory"),
    ("call.session.pending_deletes.MAX_ITEMS", 256, "bounded memory"),
    ("call.rules.no_progress.MIN_TURNS", 5, "of a call that gets nowhere"),
]  # fmt: skip
_PINNED = {name for name, _, _ in LIMITS}


@pytest.mark.parametrize(("name", "value", "why"), LIMITS, ids=[name for name, _, _ in LIMITS])
def test_a_limit_is_what_it_is_for_a_reason(name: str, value: Any, why: str) -> None:
    module, _, constant = name.rpartition(".")
    assert getattr(import_module(f"bot.{module}"), constant) == value, why


def test_no_limit_is_pinned_twice_or_without_a_reason() -> None:
    assert len(_PINNED) == len(LIMITS)
    assert all(why for _, _, why in LIMITS)


def test_each_limit_that_a_test_changes_is_pinned() -> None:
    """Or the right value would be nobody's business."""
    changed = {name for path in TESTS.rglob("*.py") for name in _changed(ast.parse(path.read_text(encoding="utf-8")))}
    assert {"media_stream.START_S", "warm_pool.RETRY_S", "state_deadlines.CLAIM_US"} <= changed  # of each way to say it
    pinned = {".".join(name.split(".")[-2:]) for name in _PINNED}
    assert changed - pinned == set()


def _changed(tree: ast.AST) -> set[str]:
    """Module and name of each constant of bot.server, twilio, realtime and call that is patched, by the test's words."""
    imported: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bot."):
            imported |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    found = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.func.attr == "setattr" and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            found.add(str(node.args[0].value))
        elif node.func.attr in {"setattr", "object"} and len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
            owner = imported.get(ast.unparse(node.args[0]), "")
            found.add(f"{owner}.{node.args[1].value}")
    areas = tuple(f"bot.{area}." for area in ("server", "twilio", "realtime", "call"))
    constants = {name for name in found if name.startswith(areas) and name.endswith(("_S", "_US", "BYTES", "SLICE"))}
    return {".".join(name.split(".")[-2:]) for name in constants}
