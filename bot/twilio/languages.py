"""Sentences that Twilio says to a caller when the bot can't, and the voices for them (twilio-voice 2.3).

One table, by BOT_LANGUAGE. A language that is not in it gets English words from an English voice: a voice that reads
another language is understood by nobody. Operators who want others write their own files (BOT_TWIML_DIR).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Language(NamedTuple):
    """A <Say> voice, its locale, and the sentences it says, named as the documents' placeholders."""

    voice: str
    locale: str
    not_connected: str
    sorry: str
    limit: str
    spent: str
    transfer: str
    voicemail: str
    thanks: str
    whisper: str
    press: str

    @property
    def placeholders(self) -> Mapping[str, str]:
        """Placeholders that every document may use."""
        return self._asdict()


ENGLISH = Language(
    voice="Polly.Joanna-Neural",
    locale="en-US",
    not_connected="Sorry, we could not connect your call. Please try again in a few minutes. Goodbye.",
    sorry="Sorry, something went wrong on our side. Please call again in a few minutes. Goodbye.",
    limit="We have to end the call here. Thank you for calling. Goodbye.",
    spent="Sorry, we can take no more calls today. Please call again tomorrow. Goodbye.",
    transfer="One moment, please. I am connecting you to a colleague.",
    voicemail="Sorry, something went wrong on our side. Please leave a message after the tone.",
    thanks="Thank you for your message. Goodbye.",
    whisper="A caller is waiting for you.",
    press="To take the call, press 1.",
)

LANGUAGES: Mapping[str, Language] = {
    "en": ENGLISH,
    "de": Language(
        voice="Polly.Vicki-Neural",
        locale="de-DE",
        not_connected="Ihr Anruf konnte leider nicht verbunden werden. Bitte versuchen Sie es in einigen Minuten "
        "noch einmal. Auf Wiederhören.",
        sorry="Leider ist bei uns etwas schiefgegangen. Bitte rufen Sie in einigen Minuten noch einmal an. "
        "Auf Wiederhören.",
        limit="Wir müssen das Gespräch hier beenden. Danke für Ihren Anruf. Auf Wiederhören.",
        spent="Leider können wir heute keine Anrufe mehr annehmen. Bitte rufen Sie morgen wieder an. Auf Wiederhören.",
        transfer="Einen Moment bitte. Ich verbinde Sie mit einer Kollegin oder einem Kollegen.",
        voicemail="Leider ist bei uns etwas schiefgegangen. Bitte sprechen Sie nach dem Ton.",
        thanks="Danke für Ihre Nachricht. Auf Wiederhören.",
        whisper="Ein Anruf für Sie.",
        press="Um das Gespräch anzunehmen, drücken Sie die 1.",
    ),
    "es": Language(
        voice="Polly.Lucia-Neural",
        locale="es-ES",
        not_connected="Lo sentimos, no hemos podido conectar su llamada. Inténtelo de nuevo en unos minutos. Adiós.",
        sorry="Lo sentimos, ha ocurrido un error. Vuelva a llamar en unos minutos. Adiós.",
        limit="Tenemos que terminar la llamada aquí. Gracias por llamar. Adiós.",
        spent="Lo sentimos, hoy no podemos atender más llamadas. Llame de nuevo mañana. Adiós.",
        transfer="Un momento, por favor. Le paso con un compañero.",
        voicemail="Lo sentimos, ha ocurrido un error. Deje su mensaje después de la señal.",
        thanks="Gracias por su mensaje. Adiós.",
        whisper="Hay una llamada para usted.",
        press="Para atender la llamada, pulse 1.",
    ),
    "fr": Language(
        voice="Polly.Lea-Neural",
        locale="fr-FR",
        not_connected="Désolé, votre appel n'a pas pu aboutir. Veuillez réessayer dans quelques minutes. Au revoir.",
        sorry="Désolé, un problème est survenu de notre côté. Veuillez rappeler dans quelques minutes. Au revoir.",
        limit="Nous devons mettre fin à l'appel. Merci de votre appel. Au revoir.",
        spent="Désolé, nous ne pouvons plus prendre d'appels aujourd'hui. Veuillez rappeler demain. Au revoir.",
        transfer="Un instant, s'il vous plaît. Je vous mets en relation avec un collègue.",
        voicemail="Désolé, un problème est survenu de notre côté. Veuillez laisser un message après le signal.",
        thanks="Merci pour votre message. Au revoir.",
        whisper="Un appel pour vous.",
        press="Pour prendre l'appel, appuyez sur 1.",
    ),
    "it": Language(
        voice="Polly.Bianca-Neural",
        locale="it-IT",
        not_connected="Spiacenti, non è stato possibile collegarla. Riprovi tra qualche minuto. Arrivederci.",
        sorry="Spiacenti, si è verificato un problema. Richiami tra qualche minuto. Arrivederci.",
        limit="Dobbiamo terminare qui la chiamata. Grazie per aver chiamato. Arrivederci.",
        spent="Spiacenti, oggi non possiamo ricevere altre chiamate. Richiami domani. Arrivederci.",
        transfer="Un momento, per favore. La metto in contatto con un collega.",
        voicemail="Spiacenti, si è verificato un problema. Lasci un messaggio dopo il segnale.",
        thanks="Grazie per il messaggio. Arrivederci.",
        whisper="C'è una chiamata per lei.",
        press="Per accettare la chiamata, prema 1.",
    ),
    "pt": Language(
        voice="Polly.Camila-Neural",
        locale="pt-BR",
        not_connected="Desculpe, não foi possível completar a ligação. Tente novamente em alguns minutos. Até logo.",
        sorry="Desculpe, ocorreu um problema. Ligue novamente em alguns minutos. Até logo.",
        limit="Precisamos encerrar a ligação aqui. Obrigado por ligar. Até logo.",
        spent="Desculpe, não podemos atender mais ligações hoje. Ligue novamente amanhã. Até logo.",
        transfer="Um momento, por favor. Vou transferir a ligação para um colega.",
        voicemail="Desculpe, ocorreu um problema. Deixe uma mensagem após o sinal.",
        thanks="Obrigado pela mensagem. Até logo.",
        whisper="Há uma ligação para você.",
        press="Para atender a ligação, pressione 1.",
    ),
    "nl": Language(
        voice="Polly.Laura-Neural",
        locale="nl-NL",
        not_connected="Sorry, uw oproep kon niet worden verbonden. Probeer het over enkele minuten opnieuw. Tot ziens.",
        sorry="Sorry, er is iets misgegaan. Bel over enkele minuten opnieuw. Tot ziens.",
        limit="We moeten het gesprek hier beëindigen. Bedankt voor uw telefoontje. Tot ziens.",
        spent="Sorry, we kunnen vandaag geen gesprekken meer aannemen. Bel morgen opnieuw. Tot ziens.",
        transfer="Een ogenblik alstublieft. Ik verbind u door met een collega.",
        voicemail="Sorry, er is iets misgegaan. Spreek een bericht in na de toon.",
        thanks="Bedankt voor uw bericht. Tot ziens.",
        whisper="Er is een gesprek voor u.",
        press="Om het gesprek aan te nemen, toets 1.",
    ),
}


def language(code: str) -> Language:
    """The words and voice for BOT_LANGUAGE; English when it is empty or not in the table."""
    return LANGUAGES.get(code, ENGLISH)
