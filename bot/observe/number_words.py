"""Words of which people make numbers when they say them digit by digit or in pairs, and what they say in between.

In English, German, French, Spanish and Dutch. Words that two of these share stand once.
"""

from __future__ import annotations

import re


def _words(text: str) -> list[str]:
    return text.split()


_UNITS = _words(
    "one two three four five six seven eight nine "
    "eins ein eine zwei zwo drei vier fünf fuenf sechs sieben acht neun "
    "un une deux trois quatre cinq sept huit neuf "
    "uno una dos tres cuatro cinco seis siete ocho nueve "
    "een één twee drie vijf zes zeven negen "
)
_ALONE = _words(
    "zero oh o nought naught nil null zéro cero nul "
    "double doppelt doppel dubbel doble zweimal"  # with the digit that they say twice they are two
)
_TENS = _words(
    "twenty thirty forty fourty fifty sixty seventy eighty ninety "
    "zwanzig dreißig dreissig vierzig fünfzig fuenfzig sechzig siebzig achtzig neunzig "
    "vingt vingts trente quarante cinquante soixante septante huitante octante nonante dix quatre-vingt quatre-vingts "
    "treinta cuarenta cincuenta sesenta setenta ochenta noventa "
    "twintig dertig veertig vijftig zestig zeventig tachtig negentig"
)
"""Two digits, or the first of them where a word for the other follows."""
_AFTER_TENS = frozenset([*_UNITS, *_words("dix onze douze treize quatorze quinze seize")])
_PAIRS = _words(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "zehn elf zwölf zwoelf dreizehn vierzehn fünfzehn fuenfzehn sechzehn siebzehn achtzehn neunzehn "
    "onze douze treize quatorze quinze seize "
    "diez once doce trece catorce quince dieciséis dieciseis diecisiete dieciocho diecinueve veinte veintiuno "
    "veintiuna veintiún veintiun veintidós veintidos veintitrés veintitres veinticuatro veinticinco veintiséis "
    "veintiseis veintisiete veintiocho veintinueve "
    "tien twaalf dertien veertien vijftien zestien zeventien achttien negentien "
    "hundred cent cents cien triple treble dreimal driemaal"  # two more, after a first one or before a third
)
_TRIPLES = _words(
    "ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos novecientos quadruple"
)
_GERMAN_UNIT = "(?:ein|zwei|zwo|drei|vier|fünf|fuenf|sechs|sieben|acht|neun)"
_DUTCH_UNIT = "(?:een|één|twee|drie|vier|vijf|zes|zeven|acht|negen)"
_COMPOUNDS = (
    (3, rf"(?!\w*(?:tausend|duizend|proz))(?:{_GERMAN_UNIT}?hundert|{_DUTCH_UNIT}?honderd)\w*"),
    (2, rf"{_GERMAN_UNIT}und(?:zwanzig|dreißig|dreissig|vierzig|fünfzig|fuenfzig|sechzig|siebzig|achtzig|neunzig)"),
    (2, rf"{_DUTCH_UNIT}[eë]n(?:twintig|dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig)"),
)
"""German and Dutch write such a number as one word."""

_LENGTHS = {
    **dict.fromkeys([*_UNITS, *_ALONE], 1),
    **dict.fromkeys(_TENS, 2),
    **dict.fromkeys(_PAIRS, 2),
    **dict.fromkeys(_TRIPLES, 3),
}
_COMPOUND_LENGTHS = tuple((length, re.compile(pattern)) for length, pattern in _COMPOUNDS)
_SPACED = "[- ]"
WORDS = "|".join(
    [pattern for _, pattern in _COMPOUNDS]
    + [word.replace("-", _SPACED) for word in sorted(_LENGTHS, key=len, reverse=True)]
)
"""A pattern for one of them, in small letters."""


def length_of(word: str) -> int:
    """Digits that `word`, in any letters, stands for by itself."""
    plain = _plain(word)
    found = _LENGTHS.get(plain)
    return found or next(length for length, pattern in _COMPOUND_LENGTHS if pattern.fullmatch(plain))


def in_one(word: str, after: str) -> bool:
    """True for twenty and one, or soixante and dix, which are two digits when nothing is said between them."""
    plain = _plain(after)
    return _plain(word) in _TENS and plain in _AFTER_TENS


def _plain(word: str) -> str:
    return word.lower().replace(" ", "-")


AND = "and|und|et|y|e|en"
BETWEEN = "|".join(
    sorted(
        (
            "uh uhm uhh um umm er erm eh ehm em hm hmm mhm mm ah äh ähm öh öhm hä euh heu bah ben alors este pues nou "
            "then next now so well wait sorry again ok okay yes yeah right please dash hyphen space slash dot "
            "dann danach jetzt also ja genau nochmal noch mal Moment die Strich Bindestrich Schrägstrich Punkt "
            "puis ensuite après oui encore voilà tiret espace point le "
            "luego después entonces sí si bueno guion guión espacio punto el "
            "dan daarna vervolgens dus streepje punt nog de "
            f"{AND.replace('|', ' ')}"
        ).split(),
        key=len,
        reverse=True,
    )
)
"""A pattern for what people say in the midst of a number, and that ends none."""
