"""A refusal of the simulated REST API: the JSON that Twilio answers with (twilio-voice 6)."""

from __future__ import annotations

SENTENCES = {
    20001: "Unknown or malformed parameter",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    20503: "Service unavailable",
    21201: "No 'To' number is specified",
    21205: "Url is not a valid URL",
    21206: "SendDigits is not valid",
    21208: "Timeout is not valid",
    21210: "The source phone number provided is not yet verified for your account",
    21211: "The phone number you are attempting to call is not valid",
    21212: "The source phone number provided is not valid",
    21213: "No 'From' number is specified",
    21215: "Account not authorized to call this country; check the geo permissions",
    21218: "ApplicationSid is not valid",
    21219: "The number called is unverified; trial accounts may only call verified numbers",
    21220: "Call is not in-progress. Cannot redirect",
    21602: "Message body is required",
    21603: "A 'From' phone number is required",
    21604: "A 'To' phone number is required",
    21606: "The 'From' phone number is not a message-capable number of your account",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The message body exceeds the 1600 character limit",
    32018: "Twiml size exceeded maximum allowed value of 4000 characters",
}


class Refused(Exception):
    """The REST API answers with `status` and, in the JSON, `code`."""

    def __init__(self, status: int, code: int, detail: str = "") -> None:
        sentence = SENTENCES.get(code, "Error")
        super().__init__(f"{sentence}: {detail}" if detail else sentence)
        self.status = status
        self.code = code

    def json(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
