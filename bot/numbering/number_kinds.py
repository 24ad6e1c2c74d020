"""Kinds of telephone numbers that are never dialled or texted, whatever list names them, by the numbering plans."""

# ruff: noqa: PLC0415  the library is half of a start's time, and few servers dial
from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

Kind = Literal["malformed", "emergency", "short", "premium", "shared_cost", "personal", "satellite", "unknown"]
"""`unknown`: no numbering plan has it, so nothing tells what it costs or whom it rings."""

KINDS: dict[Kind, str] = {
    "malformed": "the number must be in E.164: a plus, the country code and the number, such as +15555550123",
    "emergency": "emergency numbers are never dialled",
    "short": "short numbers are never dialled; give the number in full, with its country code",
    "premium": "premium-rate numbers are never dialled",
    "shared_cost": "shared-cost numbers are never dialled",
    "personal": "personal, pager and voicemail numbers are never dialled: what they cost depends on where they lead",
    "satellite": "satellite and international network numbers are never dialled",
    "unknown": "the numbering plan of its country knows no such number",
}
"""A sentence for each, without the number."""

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_SHORT = re.compile(r"\+?[0-9*#]{1,6}")
_SATELLITE = frozenset({870, 878, 881, 882, 883, 888})
"""Country codes of satellites and of networks without a country: a minute may cost ten dollars."""


def preload() -> None:
    """Load the numbering plans, which take longer than a call's audio may wait."""
    import phonenumbers.timezone  # noqa: F401  it loads the rest


@cache
def _by_type() -> dict[int, Kind]:
    from phonenumbers import PhoneNumberType

    return {
        PhoneNumberType.PREMIUM_RATE: "premium",
        PhoneNumberType.SHARED_COST: "shared_cost",
        PhoneNumberType.PERSONAL_NUMBER: "personal",
        PhoneNumberType.PAGER: "personal",
        PhoneNumberType.VOICEMAIL: "personal",
    }


def kind_of(number: str) -> Kind | None:
    """The kind for which `number` is refused; None for a line of a person or an office. It is taken as it stands."""
    import phonenumbers

    if not _E164.fullmatch(number):
        return _short_kind(number) if _SHORT.fullmatch(number) else "malformed"
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "malformed"
    if parsed.country_code in _SATELLITE:
        return "satellite"
    if phonenumbers.is_valid_number(parsed):
        return _by_type().get(phonenumbers.number_type(parsed))
    return _invalid_kind(parsed)


def _short_kind(text: str) -> Kind:
    """`text` as it would be keyed, in whatever country. +49112 is Germany's 112."""
    import phonenumbers

    digits = text.removeprefix("+")
    anywhere = any(phonenumbers.is_emergency_number(digits, region) for region in phonenumbers.SUPPORTED_SHORT_REGIONS)
    return "emergency" if anywhere or _emergency_behind_code(digits) else "short"


def _emergency_behind_code(digits: str) -> bool:
    import phonenumbers

    for length in (1, 2, 3):
        code, rest = digits[:length], digits[length:]
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code.isdecimal() else ()
        if rest and any(phonenumbers.is_emergency_number(rest, region) for region in regions):
            return True
    return False


def _invalid_kind(parsed: PhoneNumber) -> Kind:
    """A number that no plan has may still begin with 112 or 911, at which an exchange stops listening."""
    import phonenumbers

    national = phonenumbers.national_significant_number(parsed)
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code or 0, ())
    if any(phonenumbers.connects_to_emergency_number(national, region) for region in regions):
        return "emergency"
    if phonenumbers.is_possible_short_number(parsed):
        return "short"
    return "unknown" if phonenumbers.is_possible_number(parsed) else "malformed"
