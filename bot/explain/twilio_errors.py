"""Error numbers of Twilio's debugger that a call of ours can meet (twilio-voice 1.3, 6), with the mend."""

from __future__ import annotations

from typing import NamedTuple


class TwilioErrors(NamedTuple):
    """Numbers that mean the same to an operator. `13xxx`: every number that begins so."""

    numbers: tuple[str, ...]
    meaning: str
    mend: str


TWILIO_ERRORS = (
    TwilioErrors(
        ("11200",),
        "`/voice` could not be fetched: an HTTP error, no answer in 15 s, or the wrong content type",
        "Open `PUBLIC_URL/healthz` from elsewhere. A 403 in the details is a signature: see `webhook_refused`.",
    ),
    TwilioErrors(
        ("11201", "11202", "11203", "11205"),
        "the server could not be reached, or not in time",
        "Is the tunnel up, the server started, port 443 open?",
    ),
    TwilioErrors(
        ("11210", "11220", "11235", "11236", "11237"),
        "the name does not resolve, or TLS or the certificate is wrong",
        "Use a name with a valid public certificate. Self-signed ones are refused.",
    ),
    TwilioErrors(
        ("11750", "11770"),
        "the document is over 64 kB, or empty",
        "Something in front of the server answers in its place.",
    ),
    TwilioErrors(
        ("12100", "12101", "12102", "12200", "12300"),
        "the answer is no TwiML: broken XML, wrong root, unknown element, wrong content type",
        (
            "`bot check` looks at the files in `BOT_TWIML_DIR`. If they are right, a proxy answers with a page of "
            "its own."
        ),
    ),
    TwilioErrors(
        ("13xxx",),
        "a verb of the document can't be done",
        "Only your own files have such verbs; the number's last digits name it in Twilio's list.",
    ),
    TwilioErrors(
        ("10001", "10003"),
        "the account is not active",
        "Look at the account in the console.",
    ),
    TwilioErrors(
        ("20003",),
        "the REST API was asked with wrong credentials: nobody can be hung up, called or transferred",
        "Look at `TWILIO_API_KEY` and `TWILIO_API_SECRET`, or without them at `TWILIO_AUTH_TOKEN`, and at the region.",
    ),
    TwilioErrors(
        ("20429",),
        "the REST API was asked too often at a time",
        "It is asked again, later and later. If it lasts, make fewer calls at once.",
    ),
    TwilioErrors(
        ("21210", "21212"),
        "the number a call shows is neither the account's nor verified, nor the caller's own",
        "Buy or verify the number, or let the caller's be shown only where Twilio gave a CallToken.",
    ),
    TwilioErrors(
        ("21211", "21215", "21219"),
        "the number can't be called: it is none, its country is not permitted, or a trial account has not verified it",
        "Write it as +15555550100. The country is permitted in the console under Voice, Geo permissions.",
    ),
    TwilioErrors(
        ("21220", "20404"),
        "a call that was over already was to be changed",
        "Harmless: the caller hung up at the same moment.",
    ),
    TwilioErrors(
        ("10004",),
        "too many calls at a time for this account",
        "Trial accounts, and accounts without an approved profile, are limited. Ask Twilio.",
    ),
    TwilioErrors(
        ("31900",),
        "the stream failed, and Twilio does not know why",
        "Look at our log at that second.",
    ),
    TwilioErrors(
        ("31901", "31902", "31904"),
        "the stream's address gave no answer, refused, or can't be routed to",
        "As 11205.",
    ),
    TwilioErrors(
        ("31903",),
        "the socket broke in the middle of a call",
        "The server was restarted, or a proxy cut a socket. Raise its timeouts.",
    ),
    TwilioErrors(
        ("31910",),
        "TLS failed on the stream",
        "A certificate; or ngrok was started with `tcp` instead of `http`.",
    ),
    TwilioErrors(
        ("31920",),
        "the upgrade was not answered with 101",
        "Proxy without upgrade headers (see nginx in the topic deploying), or a 403 of ours: see `stream_refused`.",
    ),
    TwilioErrors(
        ("31921",),
        "our server closed the stream",
        "Harmless: it is how the bot hangs up.",
    ),
    TwilioErrors(
        ("31922", "31923", "31941"),
        "the stream's URL is not wss or is malformed; a track that `<Connect>` does not take",
        "`PUBLIC_URL` must be https. Your own `answer.xml` may have changed the `<Stream>`.",
    ),
    TwilioErrors(
        ("31924",),
        "a breach of the WebSocket protocol",
        "Usually a proxy that touches frames. Otherwise report it.",
    ),
    TwilioErrors(
        ("31930",),
        "Twilio threw the caller's audio away: we read too slowly",
        "The machine is too busy. Lower `BOT_MAX_CALLS`.",
    ),
    TwilioErrors(
        ("31931",),
        "Twilio threw our audio away: over ten minutes waiting",
        "Limit `BOT_MAX_OUTPUT_TOKENS`.",
    ),
    TwilioErrors(
        ("31950", "31951"),
        "a message of ours was not as Twilio wants it",
        "A defect of ours: report it, with the fixture.",
    ),
)
