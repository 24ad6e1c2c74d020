"""The first words of what answered a call that we made: a person's, a voicemail's or those of a call screening.

Only known phrases tell, in the languages that voices of Twilio's are chosen for (bot.twilio.languages). Words decide
whether the bot may begin to speak; nothing in them is obeyed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

FirstWords = Literal["none", "person", "voicemail", "screening", "hold"]
"""`hold`: whoever asked who is calling has the caller wait. `person`: no known phrase of a machine."""

_SCREENING = (
    # English: Google, Apple, carriers, and people at somebody's side
    *("screening service", "call screening", "screening your call", "screen your call", "record your name"),
    *("reason for calling", "reason for your call", "why you re calling", "why you are calling", "who is calling"),
    *("who s calling", "who may i say", "who shall i say", "state your name", "say your name", "your name and why"),
    *("your name and reason", "your name and the reason", "get a copy of this conversation", "google assistant"),
    # German
    *("anruffilter", "anrufpruf", "grund ihres anrufs", "grund des anrufs", "grund fur ihren anruf", "wer anruft"),
    *("wer sind sie und warum", "warum sie anrufen", "weswegen sie anrufen", "nennen sie ihren namen"),
    *("sagen sie ihren namen", "wen darf ich melden"),
    # French
    *("filtrage d appel", "filtrage des appels", "motif de votre appel", "raison de votre appel", "qui appelle"),
    *("pourquoi vous appelez", "indiquez votre nom", "donnez votre nom", "qui dois je annoncer"),
    # Spanish
    *("filtro de llamadas", "filtrado de llamadas", "motivo de su llamada", "motivo de tu llamada"),
    *("motivo de la llamada", "quien llama", "por que llama", "diga su nombre", "di tu nombre", "de parte de quien"),
    # Italian
    *("filtro chiamate", "filtro delle chiamate", "motivo della chiamata", "motivo della sua chiamata", "chi parla"),
    *("chi chiama", "perche chiama", "dica il suo nome"),
    # Portuguese
    *("filtro de chamadas", "triagem de chamadas", "motivo da ligacao", "motivo da chamada", "quem esta ligando"),
    *("quem fala", "diga seu nome", "diga o seu nome", "por que esta ligando"),
    # Dutch
    *("gespreksfilter", "oproepfilter", "reden van uw oproep", "reden van uw telefoontje", "waarvoor u belt"),
    *("waarom u belt", "wie er belt", "noem uw naam", "zeg uw naam"),
)
_VOICEMAIL = (
    # English
    *("voicemail", "voice mail", "voice message", "mailbox", "leave a message", "leave your message", "leave me a"),
    *("leave your name", "leave us a message", "after the beep", "after the tone", "at the tone", "at the beep"),
    *("can t take your call", "cannot take your call", "can t come to the phone", "cannot come to the phone"),
    *("unable to take your call", "unable to answer", "not available right now", "is not available", "isn t available"),
    *("are not available", "aren t available", "am not available", "get back to you", "return your call"),
    *("call you back as soon", "record your message", "please record", "you ve reached", "you have reached"),
    *("finished recording", "answering machine", "forwarded to", "missed your call", "office hours"),
    # German
    *("anrufbeantworter", "mailbox", "sprachbox", "nachricht hinterlass", "hinterlassen sie", "nach dem signalton"),
    *("nach dem piep", "nach dem ton", "nicht erreichbar", "nicht zu erreichen", "personlich nicht erreich"),
    *("rufe sie zuruck", "rufen sie zuruck", "sprechen sie ihre nachricht", "ausserhalb unserer"),
    # French
    *("messagerie", "repondeur", "laissez un message", "laisser un message", "laissez moi un message"),
    *("apres le bip", "apres le signal", "n est pas disponible", "ne suis pas disponible", "je vous rappelle"),
    # Spanish
    *("buzon de voz", "contestador", "deje un mensaje", "deja un mensaje", "deje su mensaje", "deja tu mensaje"),
    *("despues del tono", "despues de la senal", "despues de escuchar", "no esta disponible", "no puede atender"),
    *("no puedo atender", "no se encuentra disponible"),
    # Italian
    *("segreteria", "lasciate un messaggio", "lascia un messaggio", "lasci un messaggio", "dopo il segnale"),
    *("dopo il bip", "non e raggiungibile", "non e al momento", "non posso rispondere"),
    # Portuguese
    *("caixa postal", "correio de voz", "deixe sua mensagem", "deixe seu recado", "deixe um recado"),
    *("deixe a sua mensagem", "deixe uma mensagem", "apos o sinal", "depois do sinal", "apos o bip"),
    *("nao esta disponivel", "nao posso atender", "nao pode atender"),
    # Dutch
    *("voicemail", "antwoordapparaat", "spreek een bericht in", "laat een bericht", "spreek uw bericht"),
    *("na de piep", "na de toon", "niet bereikbaar", "niet beschikbaar", "niet opnemen"),
)
_HOLD = (
    *("thank you", "thanks", "danke", "merci", "gracias", "grazie", "obrigado", "obrigada", "bedankt"),
    *("please hold", "please stay on the line", "stay on the line", "please wait", "one moment", "just a moment"),
    *("hold on", "hang on", "see if", "checking", "trying to connect", "connecting you", "connect you now"),
    *("bleiben sie", "einen moment", "bitte warten", "ich verbinde", "ne quittez pas", "un instant", "patientez"),
    *("no cuelgue", "un momento", "espere", "resti in linea", "un attimo", "attenda", "aguarde", "um momento"),
    *("blijf aan de lijn", "een ogenblik", "een moment", "moment bitte"),
)
_NOT_A_WORD = re.compile(r"[\W_]+")
MAX_CHARS = 2_000
"""Characters that are looked at: a greeting has some hundred."""


def first_words(text: str) -> FirstWords:
    """Tell who says so. A question who is calling goes before all else: a screening also says who is not there."""
    plain = _plain(text)
    if not plain.strip():
        return "none"
    if _has(plain, _SCREENING):
        return "screening"
    if _has(plain, _VOICEMAIL):
        return "voicemail"
    return "hold" if _has(plain, _HOLD) else "person"


def _has(plain: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase}" in plain for phrase in phrases)


def _plain(text: str) -> str:
    """Words in small letters without accents, a blank before and behind each."""
    decomposed = unicodedata.normalize("NFKD", text[:MAX_CHARS].casefold())
    bare = "".join(one for one in decomposed if not unicodedata.combining(one))
    return f" {_NOT_A_WORD.sub(' ', bare).strip()} "
