"""Twilio's REST API: calls, conferences, messages, through the `twilio` package's async client (twilio-voice 7).

Each operation is bounded by one time limit, its repetitions included. A refusal that changed nothing (429, no
connection) is tried again; what can be asked twice without harm also after a lost answer or a fault of the server's; a
call or a message is never made twice.
"""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import quote

from bot.observe.masking import mask_numbers
from bot.twilio.rest_error import NO_SUCH, RestError

if TYPE_CHECKING:
    from bot.twilio.rest_transport import RestTransport

__all__ = ["CallInfo", "ConferenceInfo", "MessageInfo", "ParticipantInfo", "RestError", "TwilioRest"]

API_URL = "https://api.twilio.com"
TIMEOUT_S = 10.0
"""Seconds for one operation; Twilio answers in a few tenths."""
WAITS_S = (0.25, 0.75, 2.0)
"""Seconds before each repetition, a random half of them less, so that processes don't come back together."""
MAX_TWIML_CHARS = 4000
"""The longest document a request may hold (twilio-voice 7.2)."""


Read = TypeVar("Read")


# requests lets this pass as it is imported, but for all threads at once: beside another's filters it is told at times.
warnings.filterwarnings("ignore", message="SOCKS support in urllib3")


def load_package() -> None:
    """Import what the first request would import, which holds its process up for some tenths of a second."""
    import twilio.rest.api  # type: ignore[import-untyped]  # noqa: F401, PLC0415

    import bot.twilio.rest_transport  # noqa: F401, PLC0415


class CallInfo(NamedTuple):
    """A call as Twilio knows it. `status`: queued, ringing, in-progress, or an end (twilio-voice 1.2)."""

    sid: str
    status: str
    direction: str = ""
    from_: str = ""
    to: str = ""
    parent_call_sid: str = ""
    answered_by: str = ""
    duration_s: int | None = None

    @property
    def over(self) -> bool:
        return self.status in ("completed", "busy", "failed", "no-answer", "canceled")


class MessageInfo(NamedTuple):
    """A text message as Twilio took it on; `status` is `queued` or `accepted` then."""

    sid: str
    status: str
    error_code: int | None = None


class ParticipantInfo(NamedTuple):
    """One leg of a conference."""

    call_sid: str
    conference_sid: str
    status: str = ""
    label: str = ""
    muted: bool = False
    hold: bool = False


class ConferenceInfo(NamedTuple):
    """A conference. `status`: init, in-progress, completed."""

    sid: str
    name: str
    status: str


class TwilioRest:
    """One account's REST API. Close it when done. What Twilio refuses, and what fails, is a RestError.

    With an API key it signs in with that, else with the auth token. Values that are None are not sent.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str = "",
        *,
        api_key: str = "",
        api_secret: str = "",
        base_url: str = API_URL,
        timeout_s: float = TIMEOUT_S,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self._account_sid = account_sid
        self._user, self._password = (api_key, api_secret) if api_key else (account_sid, auth_token)
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._waits_s = tuple(waits_s)
        self._transport: RestTransport | None = None
        self._opened: Any = None

    async def close(self) -> None:
        """Close the connections."""
        if self._transport is not None:
            await self._transport.close()

    # ---- calls -------------------------------------------------------------------------------------------------------

    async def create_call(
        self,
        *,
        to: str,
        from_: str,
        url: str | None = None,
        twiml: str | None = None,
        fallback_url: str | None = None,
        timeout_s: int | None = None,
        time_limit_s: int | None = None,
        status_callback: str | None = None,
        status_callback_events: Sequence[str] | None = None,
        send_digits: str | None = None,
        machine_detection: Literal["Enable", "DetectMessageEnd"] | None = None,
        machine_detection_timeout_s: int | None = None,
        async_amd: bool | None = None,
        async_amd_callback: str | None = None,
        call_token: str | None = None,
        call_reason: str | None = None,
        sip_auth: tuple[str, str] | None = None,
    ) -> CallInfo:
        """Place a call. `timeout_s`: how long it may ring; `time_limit_s`: how long it may last."""
        _check_document(url, twiml)
        return await self._ask(
            "place a call",
            _call,
            lambda: self._client.calls.create_async(
                **_given(
                    to=to,
                    from_=from_,
                    url=url,
                    twiml=twiml,
                    fallback_url=fallback_url,
                    timeout=timeout_s,
                    time_limit=time_limit_s,
                    status_callback=status_callback,
                    status_callback_event=_listed(status_callback_events),
                    send_digits=send_digits,
                    machine_detection=machine_detection,
                    machine_detection_timeout=machine_detection_timeout_s,
                    async_amd=_flag(async_amd),
                    async_amd_status_callback=async_amd_callback,
                    call_token=call_token,
                    call_reason=call_reason,
                    sip_auth_username=sip_auth[0] if sip_auth else None,
                    sip_auth_password=sip_auth[1] if sip_auth else None,
                )
            ),
            again=False,
        )

    async def update_call(
        self,
        sid: str,
        *,
        url: str | None = None,
        twiml: str | None = None,
        status: Literal["completed", "canceled"] | None = None,
        time_limit_s: int | None = None,
        status_callback: str | None = None,
    ) -> CallInfo:
        """Change a live call: another document, its end, or how long it may last."""
        if url is not None or twiml is not None:
            _check_document(url, twiml)
        return await self._ask(
            "change a call",
            _call,
            lambda: self._client.calls(_in_path(sid)).update_async(
                **_given(url=url, twiml=twiml, status=status, time_limit=time_limit_s, status_callback=status_callback)
            ),
            # A document that was begun must not begin again; an end and a limit may be set twice.
            again=url is None and twiml is None,
        )

    async def hang_up(self, sid: str) -> None:
        """End a call; one that is over already is as good."""
        try:
            await self.update_call(sid, status="completed")
        except RestError as error:
            if not error.over:
                raise

    async def fetch_call(self, sid: str) -> CallInfo:
        """The call as it is now."""
        return await self._ask(
            "look at a call", _call, lambda: self._client.calls(_in_path(sid)).fetch_async(), again=True
        )

    # ---- messages ----------------------------------------------------------------------------------------------------

    async def send_message(
        self,
        to: str,
        from_: str | None,
        body: str,
        *,
        messaging_service_sid: str | None = None,
        status_callback: str | None = None,
    ) -> MessageInfo:
        """Send a text message from a number or, without one, from a messaging service."""
        return await self._ask(
            "send a text message",
            _message,
            lambda: self._client.messages.create_async(
                **_given(
                    to=to,
                    from_=from_,
                    body=body,
                    messaging_service_sid=messaging_service_sid,
                    status_callback=status_callback,
                )
            ),
            again=False,
        )

    # ---- conferences -------------------------------------------------------------------------------------------------

    async def create_participant(
        self,
        conference: str,
        *,
        to: str,
        from_: str,
        label: str | None = None,
        timeout_s: int | None = None,
        time_limit_s: int | None = None,
        status_callback: str | None = None,
        status_callback_events: Sequence[str] | None = None,
        muted: bool | None = None,
        beep: str | None = None,
        early_media: bool | None = None,
        start_conference_on_enter: bool | None = None,
        end_conference_on_exit: bool | None = None,
        wait_url: str | None = None,
        conference_status_callback: str | None = None,
        conference_status_callback_events: Sequence[str] | None = None,
        coaching: bool | None = None,
        call_sid_to_coach: str | None = None,
        machine_detection: Literal["Enable", "DetectMessageEnd"] | None = None,
        machine_detection_timeout_s: int | None = None,
        amd_status_callback: str | None = None,
        call_token: str | None = None,
        caller_id: str | None = None,
        sip_auth: tuple[str, str] | None = None,
    ) -> ParticipantInfo:
        """Call somebody into a conference, by its SID or its name; a name that is new makes a conference."""
        return await self._ask(
            "call somebody into a conference",
            _participant,
            lambda: self._client.conferences(_in_path(conference)).participants.create_async(
                **_given(
                    to=to,
                    from_=from_,
                    label=label,
                    timeout=timeout_s,
                    time_limit=time_limit_s,
                    status_callback=status_callback,
                    status_callback_event=_listed(status_callback_events),
                    muted=muted,
                    beep=beep,
                    early_media=early_media,
                    start_conference_on_enter=start_conference_on_enter,
                    end_conference_on_exit=end_conference_on_exit,
                    wait_url=wait_url,
                    conference_status_callback=conference_status_callback,
                    conference_status_callback_event=_listed(conference_status_callback_events),
                    coaching=coaching,
                    call_sid_to_coach=call_sid_to_coach,
                    machine_detection=machine_detection,
                    machine_detection_timeout=machine_detection_timeout_s,
                    amd_status_callback=amd_status_callback,
                    call_token=call_token,
                    caller_id=caller_id,
                    sip_auth_username=sip_auth[0] if sip_auth else None,
                    sip_auth_password=sip_auth[1] if sip_auth else None,
                )
            ),
            again=False,
        )

    async def update_participant(
        self,
        conference_sid: str,
        call_sid: str,
        *,
        muted: bool | None = None,
        hold: bool | None = None,
        hold_url: str | None = None,
        announce_url: str | None = None,
        end_conference_on_exit: bool | None = None,
        coaching: bool | None = None,
        call_sid_to_coach: str | None = None,
    ) -> ParticipantInfo:
        """Change one leg of a conference: muted, on hold, what it alone hears. `call_sid` may be its label."""
        return await self._ask(
            "change a participant",
            _participant,
            lambda: (
                self._client.conferences(_in_path(conference_sid))
                .participants(_in_path(call_sid))
                .update_async(
                    **_given(
                        muted=muted,
                        hold=hold,
                        hold_url=hold_url,
                        announce_url=announce_url,
                        end_conference_on_exit=end_conference_on_exit,
                        coaching=coaching,
                        call_sid_to_coach=call_sid_to_coach,
                    )
                )
            ),
            again=announce_url is None,
        )

    async def remove_participant(self, conference_sid: str, call_sid: str) -> None:
        """Take one leg out of a conference; one that has left is as good."""
        try:
            await self._ask(
                "take a participant out",
                bool,
                lambda: (
                    self._client.conferences(_in_path(conference_sid)).participants(_in_path(call_sid)).delete_async()
                ),
                again=True,
            )
        except RestError as error:
            if not error.over:
                raise

    async def find_conference(self, name: str) -> ConferenceInfo | None:
        """The conference of that name that is going on; None when there is none."""
        return await self._ask(
            "look for a conference",
            _first_conference,
            lambda: self._client.conferences.list_async(friendly_name=name, status="in-progress", limit=1),
            again=True,
        )

    async def fetch_conference(self, sid: str) -> ConferenceInfo:
        """The conference as it is now."""
        return await self._ask(
            "look at a conference",
            _conference,
            lambda: self._client.conferences(_in_path(sid)).fetch_async(),
            again=True,
        )

    async def update_conference(
        self, sid: str, *, status: Literal["completed"] | None = None, announce_url: str | None = None
    ) -> ConferenceInfo:
        """End a conference for everybody, or announce something to everybody."""
        return await self._ask(
            "change a conference",
            _conference,
            lambda: self._client.conferences(_in_path(sid)).update_async(
                **_given(status=status, announce_url=announce_url)
            ),
            again=announce_url is None,
        )

    # ---- how it is asked ---------------------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        """The package's client, imported with the first request where nobody has loaded the package before."""
        if self._opened is None:
            from twilio.rest import Client  # noqa: PLC0415

            from bot.twilio.rest_transport import RestTransport  # noqa: PLC0415

            self._transport = RestTransport()
            client = Client(self._user, self._password, self._account_sid, http_client=self._transport)
            # TWILIO_EDGE and TWILIO_REGION would change the host of our address, which alone says where to ask.
            client.edge = client.region = None
            client.api.base_url = self._base_url
            self._opened = client
        return self._opened

    async def _ask(
        self, what: str, read: Callable[[Any], Read], request: Callable[[], Awaitable[Any]], *, again: bool
    ) -> Read:
        """Make a request, and again while that may help. `again`: it may be carried out twice without harm."""

        async def asked() -> Read:
            return read(await request())

        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._patiently(what, asked, again=again)
        except TimeoutError:
            sentence = f"Twilio's REST API did not answer within {self._timeout_s:g} s when asked to {what}"
            raise RestError(0, 0, sentence, doubtful=True) from None

    async def _patiently(self, what: str, request: Callable[[], Awaitable[Read]], *, again: bool) -> Read:
        for wait_s in self._waits_s:
            try:
                return await _once(what, request)
            except RestError as error:
                if not (error.retryable or (again and error.doubtful)):
                    raise
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311  no secret
        return await _once(what, request)


async def _once(what: str, request: Callable[[], Awaitable[Read]]) -> Read:
    """Make one try, whatever may go wrong told as a RestError."""
    from twilio.base.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415
        TwilioException,
        TwilioRestException,
        TwilioServiceException,
    )

    try:
        return await request()
    except (TwilioRestException, TwilioServiceException) as error:
        said = error.msg if isinstance(error, TwilioRestException) else f"{error.title} {error.detail or ''}"
        status, code = int(error.status or 0), error.code if isinstance(error.code, int) else 0
        raise RestError(status, code, _refusal(what, status, code, str(said)), doubtful=status >= 500) from None
    except (TwilioException, ValueError, TypeError, KeyError, AttributeError) as error:
        # An answer that is no JSON, or not the JSON of what was asked for.
        sentence = f"Twilio's REST API gave an answer that can't be read when asked to {what}"
        raise RestError(0, 0, sentence, doubtful=True) from error


def _refusal(what: str, status: int, code: int, said: str) -> str:
    number = f" ({code})" if code and code != status else ""
    return f"Twilio's REST API refused to {what} with HTTP status {status}{number}: {mask_numbers(said)[:300].strip()}"


def _check_document(url: str | None, twiml: str | None) -> None:
    """Refuse a mistake of whoever wrote the call; Twilio would take some of these and do something else."""
    if (url is None) == (twiml is None):
        raise ValueError("a call takes either a URL or a document")
    if twiml is not None and len(twiml) > MAX_TWIML_CHARS:
        raise ValueError(f"a document in a request has at most {MAX_TWIML_CHARS} characters, not {len(twiml)}")


def _in_path(name: str) -> str:
    """`name` for a step of a URL's path: the package puts it there as it is."""
    if not name.strip("."):
        raise RestError(404, NO_SUCH, "no call and no conference has a name of dots")
    return quote(name, safe="")


def _given(**values: object) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _flag(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _call(found: Any) -> CallInfo:
    duration = _text(found.duration)
    return CallInfo(
        _sid(found.sid),
        _text(found.status),
        _text(found.direction),
        _text(found._from),  # noqa: SLF001  the package's name for it
        _text(found.to),
        _text(found.parent_call_sid),
        _text(found.answered_by),
        int(duration) if duration.isdecimal() else None,
    )


def _participant(found: Any) -> ParticipantInfo:
    return ParticipantInfo(
        _sid(found.call_sid),
        _text(found.conference_sid),
        _text(found.status),
        _text(found.label),
        bool(found.muted),
        bool(found.hold),
    )


def _first_conference(found: Any) -> ConferenceInfo | None:
    return _conference(found[0]) if found else None


def _message(found: Any) -> MessageInfo:
    return MessageInfo(_sid(found.sid), _text(found.status), found.error_code)


def _sid(value: object) -> str:
    """The SID of what was made or found; an answer without one is none."""
    if not isinstance(value, str) or not value:
        raise ValueError("an answer without a SID")
    return value


def _conference(found: Any) -> ConferenceInfo:
    return ConferenceInfo(_sid(found.sid), _text(found.friendly_name), _text(found.status))
