"""First words by who says them, in the languages of the table."""

from __future__ import annotations

import pytest

from bot.call.conversation.first_words import MAX_CHARS, first_words

SAID = {
    "screening": [
        "The person you are calling is using a screening service from Google and will get a copy of this conversation.",
        "Go ahead and say your name, and why you're calling.",
        "Hi. If you record your name and reason for calling, I'll see if this person is available.",
        "Please state your name after the tone and Google Voice will try to connect you.",
        "Who's calling, please?",
        "May I ask who is calling?",
        "Guten Tag. Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs.",
        "Veuillez indiquer le motif de votre appel.",
        "¿De parte de quién?",
        "Qual è il motivo della chiamata?",
        "Por favor, diga seu nome e o motivo da ligação.",
        "Wat is de reden van uw oproep?",
    ],
    "voicemail": [
        "Hi, you've reached Jane. Leave a message after the beep.",
        "The person you are trying to reach is not available. At the tone, please record your message.",
        "Your call has been forwarded to an automatic voice message system.",
        "Sorry I can\u2019t take your call right now.",
        "Der Teilnehmer ist derzeit nicht erreichbar. Bitte hinterlassen Sie eine Nachricht nach dem Signalton.",
        "Vous êtes bien sur la messagerie de Marie, laissez un message après le bip.",
        "Deje un mensaje después del tono.",
        "Lasciate un messaggio dopo il segnale acustico.",
        "No momento não posso atender. Deixe seu recado após o sinal.",
        "Spreek een bericht in na de piep.",
    ],
    "hold": [
        "Thank you.",
        "Thanks, please stay on the line.",
        "One moment, please.",
        "Bitte warten Sie, ich verbinde.",
        "Ne quittez pas.",
    ],
    "person": [
        "Hello?",
        "Yes, Smith speaking.",
        "Müller.",
        "Allô ?",
        "¿Diga?",
        "Pronto.",
        "Acme Dental, this is Ann.",
        "你好",
    ],
    "none": ["", "  ", "...", "\u2026?!"],
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_who_says_so(kind: str, text: str) -> None:
    assert first_words(text) == kind


def test_spelling_and_length_do_not_matter() -> None:
    assert first_words("LEAVE-A-MESSAGE") == "voicemail"
    assert first_words("hello " * MAX_CHARS + "leave a message") == "person"
