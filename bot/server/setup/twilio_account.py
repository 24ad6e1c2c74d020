"""The account's REST API, as the settings name it: an API key signs in where there is one, else the auth token."""

from __future__ import annotations

from bot.config import Settings
from bot.twilio.rest import TwilioRest


def twilio_rest(settings: Settings) -> TwilioRest:
    """A client that opens nothing before it is first asked for something."""
    return TwilioRest(
        settings.twilio_account_sid,
        settings.auth_tokens[0] if settings.auth_tokens else "",
        api_key=settings.twilio_api_key,
        api_secret=settings.twilio_api_secret.get_secret_value(),
        base_url=settings.twilio_api_url,
    )
