"""Documents for Twilio: the files of twiml/."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, Dial, Gather, Reject, VoiceResponse

from bot.twilio.languages import ENGLISH, LANGUAGES
from bot.twilio.twiml import DOCUMENTS, TwimlError, TwimlFiles, shipped_directory

SHIPPED = TwimlFiles()
STREAM_URL = "wss://bot.example.com/media/abc_-123"
ACTION_URL = "https://bot.example.com/voice/next"
ENGLISH_VOICE = {"voice": "Polly.Joanna-Neural", "language": "en-US"}
FITTING = '<Response><Connect action="${action_url}"><Stream url="${stream_url}"/></Connect></Response>'


def shape(document: str) -> list[tuple[str, dict[str, str], str]]:
    return [(one.tag, one.attrib, (one.text or "").strip()) for one in ET.fromstring(document).iter()]


def refusal(directory: Path) -> str:
    with pytest.raises(TwimlError) as caught:
        TwimlFiles(directory)
    return str(caught.value)


def test_the_answer_is_what_twilios_own_helper_would_write() -> None:
    own = VoiceResponse()
    connect = Connect(action=ACTION_URL, method="POST")
    connect.stream(url=STREAM_URL)
    own.append(connect)
    own.say("Sorry, we could not connect your call. Please try again in a few minutes. Goodbye.", **ENGLISH_VOICE)
    own.hangup()
    assert shape(SHIPPED.render("answer", stream_url=STREAM_URL, action_url=ACTION_URL)) == shape(str(own))


def test_the_other_documents_are_what_twilios_own_helper_would_write() -> None:
    busy = VoiceResponse()
    busy.append(Reject(reason="busy"))
    goodbye = VoiceResponse()
    goodbye.hangup()
    sorry = VoiceResponse()
    sorry.say("Sorry, something went wrong on our side. Please call again in a few minutes. Goodbye.", **ENGLISH_VOICE)
    sorry.hangup()
    assert shape(SHIPPED.render("busy")) == shape(str(busy))
    assert shape(SHIPPED.render("goodbye")) == shape(str(goodbye))
    assert shape(SHIPPED.render("sorry")) == shape(str(sorry))
    limit = VoiceResponse()
    limit.say("We have to end the call here. Thank you for calling. Goodbye.", **ENGLISH_VOICE)
    limit.hangup()
    spent = VoiceResponse()
    spent.say("Sorry, we can take no more calls today. Please call again tomorrow. Goodbye.", **ENGLISH_VOICE)
    spent.hangup()
    assert shape(SHIPPED.render("limit")) == shape(str(limit))
    assert shape(SHIPPED.render("spent")) == shape(str(spent))
    thanks = VoiceResponse()
    thanks.say("Thank you for your message. Goodbye.", **ENGLISH_VOICE)
    thanks.hangup()
    assert shape(SHIPPED.render("thanks")) == shape(str(thanks))


def test_a_call_is_put_through_and_a_message_taken_as_twilios_own_helper_would_write() -> None:
    own = VoiceResponse()
    own.say("One moment, please. I am connecting you to a colleague.", **ENGLISH_VOICE)
    ring = Dial(action=ACTION_URL, method="POST", answer_on_bridge=True, timeout=25, caller_id="+15555550101")
    ring.number("+15555550123")
    own.append(ring)
    own.hangup()
    values = {"number": "+15555550123", "caller_id": "+15555550101", "action_url": ACTION_URL}
    assert shape(SHIPPED.render("transfer", **values)) == shape(str(own))
    own = VoiceResponse()
    own.say("Sorry, something went wrong on our side. Please leave a message after the tone.", **ENGLISH_VOICE)
    own.record(action=ACTION_URL, method="POST", max_length=180, timeout=5, play_beep=True, transcribe=False)
    own.hangup()
    assert shape(SHIPPED.render("voicemail", action_url=ACTION_URL)) == shape(str(own))


WHISPER_URL = "https://bot.example.com/voice/whisper/CA1?leg=1"


@pytest.mark.parametrize(
    ("document", "place"), [("ring", {"number": "+15555550123"}), ("ring_sip", {"sip": "sip:desk@pbx.example.com"})]
)
def test_a_destination_is_rung_as_twilios_own_helper_would_write(document: str, place: dict[str, str]) -> None:
    own = VoiceResponse()
    ring = Dial(action=ACTION_URL, method="POST", answer_on_bridge=True, timeout=25, caller_id="+15555550101")
    noun = ring.number if "number" in place else ring.sip
    noun(*place.values(), url=WHISPER_URL, method="POST")
    own.append(ring)
    own.hangup()
    values = {"caller_id": "+15555550101", "ring_s": "25", "whisper_url": WHISPER_URL, "action_url": ACTION_URL}
    assert shape(SHIPPED.render(document, **place, **values)) == shape(str(own))


def test_a_whisper_is_said_again_and_asks_for_one_key_as_twilios_own_helper_would_write() -> None:
    own = VoiceResponse()
    for timeout, words in (
        (3, "A caller is waiting for you. <Sue & Co> To take the call, press 1."),
        (10, "To take the call, press 1."),
    ):
        gather = Gather(num_digits=1, timeout=timeout, action=ACTION_URL, method="POST")
        gather.say(words, **ENGLISH_VOICE)
        own.append(gather)
    own.hangup()
    assert shape(SHIPPED.render("whisper", summary="<Sue & Co>", key_url=ACTION_URL)) == shape(str(own))
    assert shape(SHIPPED.render("taken")) == shape(str(VoiceResponse()))


@pytest.mark.parametrize("code", [*LANGUAGES, "", "xx"])
def test_each_language_has_its_own_voice_and_words_in_every_document(code: str) -> None:
    files, words = TwimlFiles(code=code), LANGUAGES.get(code, ENGLISH)
    heard = {}
    for document, wanted in DOCUMENTS.items():
        for tag, attributes, text in shape(files.render(document, **dict.fromkeys(wanted, "x"))):
            if tag == "Say":
                assert attributes == {"voice": words.voice, "language": words.locale}
                heard.setdefault(document, text)
    assert heard == {
        **dict.fromkeys(("answer", "send_digits"), words.not_connected),
        "answer": words.not_connected,
        "whisper": f"{words.whisper} x {words.press}",
        "refused": "x",
        **{name: getattr(words, name) for name in ("sorry", "limit", "spent", "transfer", "voicemail", "thanks")},
    }
    assert all(heard.values())


def test_no_two_languages_share_a_voice_or_a_sentence() -> None:
    values = [value for words in LANGUAGES.values() for value in words]
    assert len(values) == len(set(values))


def test_an_operators_file_may_use_the_voice_of_the_language(tmp_path: Path) -> None:
    (tmp_path / "sorry.xml").write_text('<Response><Say voice="${voice}" language="${locale}">Oh!</Say></Response>')
    assert '<Say voice="Polly.Vicki-Neural" language="de-DE">Oh!</Say>' in TwimlFiles(tmp_path, "de").render("sorry")


@pytest.mark.parametrize("document", sorted(DOCUMENTS.keys() - {"taken"}))  # which joins two callers
def test_no_document_leaves_the_caller_on_a_dead_line(document: str) -> None:
    values = dict.fromkeys(DOCUMENTS[document], "x")
    tags = [tag for tag, _, _ in shape(SHIPPED.render(document, **values))]
    assert tags[-1] in {"Hangup", "Reject", "Redirect"}
    assert ("Pause" in tags) == (document == "hold")


def test_a_call_on_hold_asks_again_after_a_second() -> None:
    hold = VoiceResponse()
    hold.pause(length=1)
    hold.redirect("https://bot.example.com/voice", method="POST")
    assert shape(SHIPPED.render("hold", voice_url="https://bot.example.com/voice")) == shape(str(hold))


def test_every_shipped_file_is_one_that_is_used() -> None:
    assert {path.stem for path in shipped_directory().iterdir()} == set(DOCUMENTS)


@given(stream=st.text(), action=st.text())
def test_any_value_stays_inside_its_attribute(stream: str, action: str) -> None:
    tags = shape(SHIPPED.render("answer", stream_url=stream, action_url=action))
    assert [tag for tag, _, _ in tags] == ["Response", "Connect", "Stream", "Say", "Hangup"]
    assert list(tags[1][1]) == ["action", "method"]
    assert list(tags[2][1]) == ["url"]


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff")))
def test_twilio_reads_back_the_value_we_gave(value: str) -> None:
    rendered = SHIPPED.render("answer", stream_url=value, action_url="\t\n\r")
    assert ET.fromstring(rendered)[0][0].attrib["url"] == value
    assert ET.fromstring(rendered)[0].attrib["action"] == "\t\n\r"


def test_what_xml_cannot_hold_is_replaced() -> None:
    assert 'url="a\ufffdb\ufffd"' in SHIPPED.render("answer", stream_url="a\x00b\ud800", action_url="")


@pytest.mark.parametrize("values", [{}, {"stream_url": "x"}, {"stream_url": "x", "action_url": "x", "more": "x"}])
def test_rendering_with_the_wrong_values_is_our_own_fault(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="takes"):
        SHIPPED.render("answer", **values)


def test_an_operators_file_is_used_and_the_rest_is_ours(tmp_path: Path) -> None:
    (tmp_path / "sorry.xml").write_text("<Response><Say>Entschuldigung, $$5</Say><Hangup/></Response>")
    (tmp_path / "notes.txt").write_text("not TwiML, and nobody minds")
    files = TwimlFiles(tmp_path)
    assert "Entschuldigung, $5<" in files.render("sorry")
    assert files.render("busy") == SHIPPED.render("busy")


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "sorry.xml").write_bytes("\ufeff<Response><Say>Pardon</Say></Response>".encode())
    assert TwimlFiles(tmp_path).render("sorry").startswith("<Response>")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("answer", FITTING + "<x/>", "is not well-formed XML"),
        ("answer", "", "lacks ${action_url}, ${stream_url}"),
        ("answer", FITTING.replace("Response", "response"), "has the root <response>; Twilio wants <Response>."),
        (
            "answer",
            FITTING.replace("stream_url", "streamurl"),
            "uses ${streamurl}, which nothing fills in; it may use ${action_url}, ${stream_url}.",
        ),
        (
            "answer",
            FITTING.replace("${stream_url}", "wss://fixed"),
            "lacks ${stream_url}; without it a call cannot be answered.",
        ),
        ("answer", FITTING.replace('"${stream_url}"', "${stream_url}"), "is not well-formed XML"),
        ("answer", FITTING.replace("Stream url", "${stream_url} url"), "is not well-formed XML"),
        ("answer", FITTING + "<!-- ${stream_url} -->", "is not well-formed XML"),
        (
            "sorry",
            "<Response><Say>only 5 $</Say></Response>",
            "has a $ that starts no placeholder; write $$ for a dollar sign.",
        ),
        (
            "sorry",
            "<Response><Say>${caller}</Say></Response>",
            "uses ${caller}, which nothing fills in; it may use none.",
        ),
        ("busy", "<Response>" + " " * 65_536 + "</Response>", "Twilio takes at most 65536"),
    ],
)
def test_a_faulty_file_is_named_with_the_mend(tmp_path: Path, name: str, content: str, told: str) -> None:
    path = tmp_path / f"{name}.xml"
    path.write_text(content)
    message = refusal(tmp_path)
    assert message.startswith(str(path))
    assert told in message


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "busy.xml").write_bytes("<Response>Entschuldigung, é</Response>".encode("latin-1"))
    assert refusal(tmp_path) == f"{tmp_path / 'busy.xml'} is not UTF-8; save it as UTF-8."


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "busy.xml").mkdir()
    assert refusal(tmp_path).startswith(f"{tmp_path / 'busy.xml'} cannot be read (Is a directory)")


def test_a_misspelt_file_is_not_silently_left_unused(tmp_path: Path) -> None:
    (tmp_path / "awnser.xml").write_text(FITTING)
    assert refusal(tmp_path) == f"{tmp_path / 'awnser.xml'} is used for nothing: rename it to answer.xml."


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "mend BOT_TWIML_DIR" in refusal(tmp_path / "nowhere")
