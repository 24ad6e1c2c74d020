"""A refusal or a failure of Twilio's REST API, as its callers handle it (twilio-voice 6 and 7)."""

from __future__ import annotations

TOO_MANY_REQUESTS = 20429
NO_SUCH = 20404
WRONG_STATE = 21220


class RestError(Exception):
    """A request that did not succeed. `status`: of HTTP, 0 when no answer came. `code`: Twilio's own, 0 for none.

    `doubtful`: it may have been carried out all the same. `sentence` names no number and no secret.
    """

    def __init__(self, status: int, code: int, sentence: str, *, doubtful: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.doubtful = doubtful

    @property
    def retryable(self) -> bool:
        """True when the same request may be made again: it was not carried out, and may be later."""
        return not self.doubtful and (self.status in (0, 429) or self.code == TOO_MANY_REQUESTS)

    @property
    def over(self) -> bool:
        """True when the call is over, which for a hang-up is success."""
        return self.status == 404 or self.code in (NO_SUCH, WRONG_STATE)
