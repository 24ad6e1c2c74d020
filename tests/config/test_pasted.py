"""Settings as people paste, misspell and inherit them: each odd one is named with its mend, and none is repeated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.config import SettingsError, load_settings, missing_for_call, read_env_file, warnings_about
from bot.config.values.reachable import unreachable
from bot.server.http.app import make_app

KEY = "sk-proj-0123456789abcdefghij"
TOKEN = "5a0c3e9d7b1f4826a9c0e1d2b3f45867"
SID = "AC0123456789abcdef0123456789abcdef"
URL = "https://bot.heardline.dev"
REAL = {"OPENAI_API_KEY": KEY, "TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "PUBLIC_URL": URL}
GIVEN = {**REAL, "ADMIN_TOKEN": "watch-0123456789abcdef", "BOT_PII_KEY": "0123456789abcdef" * 4}
KUBERNETES = {
    "BOT_SERVICE_HOST": "10.96.7.1",
    "BOT_SERVICE_PORT": "80",
    "BOT_SERVICE_PORT_HTTP": "80",
    "BOT_PORT": "tcp://10.96.7.1:80",
    "BOT_PORT_80_TCP": "tcp://10.96.7.1:80",
    "BOT_PORT_80_TCP_PROTO": "tcp",
    "BOT_PORT_80_TCP_PORT": "80",
    "BOT_PORT_80_TCP_ADDR": "10.96.7.1",
    "BOT_METRICS_SERVICE_HOST": "10.96.7.2",
    "BOT_METRICS_SERVICE_PORT_WEB_UI": "9090",
    "BOT_METRICS_PORT": "udp://10.96.7.2:9090",
    "BOT_METRICS_PORT_9090_UDP_ADDR": "10.96.7.2",
    "OPENAI_SERVICE_HOST": "10.96.7.3",
    "PUBLIC_URL_PORT": "tcp://10.96.7.4:80",
}
DOCKER = {"BOT_NAME": "/web/bot", "BOT_ENV_PYTHON_VERSION": "3.13", "BOT_DB_NAME": "/web/bot_db", "BOT_DB_ENV_X": "1"}


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return caught.value.problems


# ---- names ----


@pytest.mark.parametrize("others", [KUBERNETES, DOCKER], ids=["Kubernetes", "Docker"])
def test_what_containers_set_for_a_service_called_bot_is_none_of_our_business(others: dict[str, str]) -> None:
    settings = load_settings({**REAL, **others})
    assert missing_for_call(settings) == warnings_about(settings) == []


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("BOT_VOCE", "BOT_VOICE"),
        ("bot_voice", "BOT_VOICE"),
        ("Bot_Voice", "BOT_VOICE"),
        ("BOT_RECRD", "BOT_RECORD"),
        ("BOT_MAXCALLS", "BOT_MAX_CALLS"),
        ("BOT_INSTRUCTION_FILE", "BOT_INSTRUCTIONS_FILE"),
        ("BOT_PORT", "PORT"),
        ("BOT_LOG_LEVEL", "LOG_LEVEL"),
        ("BOT_OPENAI_API_KEY", "OPENAI_API_KEY"),
    ],
)
def test_a_misspelt_name_is_told_with_its_neighbour(name: str, near: str) -> None:
    assert problems(**{name: "8080"}) == [
        f"{name} is no setting; rename it to {near}, the nearest there is, or unset it."
    ]


@pytest.mark.parametrize("name", ["BOT_TOKEN", "BOT_X", "BOT_DISCORD_GUILD", "BOT_HEIGHT"])
def test_a_name_that_is_near_to_none_gets_no_advice_that_is_a_guess(name: str) -> None:
    assert problems(**{name: "1"}) == [f"{name} is no setting; unset it (`bot check` lists those there are)."]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TWILIO_AUTHTOKEN", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_TOKEN", "TWILIO_AUTH_TOKEN"),
        ("twilio_auth_token", "TWILIO_AUTH_TOKEN"),
        ("TWILIO_ACCOUNTSID", "TWILIO_ACCOUNT_SID"),
        ("TWILIO_ACCOUNT_ID", "TWILIO_ACCOUNT_SID"),
        ("PUBLICURL", "PUBLIC_URL"),
        ("PUBLIC_URI", "PUBLIC_URL"),
        ("public_url", "PUBLIC_URL"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
    ],
)
def test_what_is_missing_under_its_name_and_there_under_another_is_said_to_be(name: str, meant: str) -> None:
    given = {key: value for key, value in REAL.items() if key != meant}
    told = missing_for_call(load_settings({**given, name: "something"}))
    assert told == [f"{meant} is not set, but {name} is: rename it to {meant}."]
    assert missing_for_call(load_settings({**REAL, name: "something"})) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [("LOGLEVEL", "LOG_LEVEL"), ("log_format", "LOG_FORMAT"), ("DATABASE_URI", "DATABASE_URL"), ("ADMINTOKEN", "ADMIN_TOKEN"), ("WEBCONCURRENCY", "WEB_CONCURRENCY")],
)  # fmt: skip
def test_a_misspelt_name_that_others_may_use_is_a_warning(name: str, meant: str) -> None:
    (warning,) = warnings_about(load_settings({**REAL, name: "something"}))
    assert warning == f"{name} is no setting and is not read: rename it to {meant} if that is meant."


def test_names_of_other_software_are_not_misspelt_ones_of_ours() -> None:
    others = {
        "OPENAI_API_BASE": "x", "OPENAI_API_TYPE": "azure", "OPENAI_ORG_ID": "x",
        "TWILIO_API_REGION": "x", "TWILIO_PHONE_NUMBER": "x", "HOSTNAME": "x", "HOME": "x", "DYNO": "web.1",
        "GHOST": "x", "port": "1", "host": "x", "REDIS_URL": "x", "HEROKU_APP_NAME": "x", "RENDER_EXTERNAL_URL": "x",
    }  # fmt: skip
    settings = load_settings(others)
    assert all(" is not set: " in told for told in missing_for_call(settings))
    assert warnings_about(settings) == []


# ---- values ----


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize(
    ("around", "why"),
    [
        ('"{}"', "begins and ends with a quotation mark"),
        ("'{}'", "begins and ends with a quotation mark"),
        ("`{}`", "begins and ends with a quotation mark"),
        ("\u201c{}\u201d", "begins and ends with a quotation mark"),
        ("\u2018{}\u2019", "begins and ends with a quotation mark"),
        ("\u201e{}\u201c", "begins and ends with a quotation mark"),
        ("\u00ab{}\u00bb", "begins and ends with a quotation mark"),
        ('"{}', "begins with a quotation mark"),
        ("{}'", "ends with a quotation mark"),
        ("<{}>", "stands between < and >"),
        ("[{}]", "stands between [ and ]"),
        ("{{{}}}", "stands between { and }"),
        ("{},", "ends with a comma"),
        ("{};", "ends with a semicolon"),
        ("{}\\n", "ends with a backslash"),
        ("Bearer {}", "begins with Bearer"),
        ("Authorization: Bearer {}", "begins with Authorization:"),
        ("export OPENAI_API_KEY={}", "begins with export OPENAI_API_KEY="),
        ("PUBLIC_URL={}", "begins with PUBLIC_URL="),
        ("TWILIO_AUTH_TOKEN: {}", "begins with TWILIO_AUTH_TOKEN:"),
        ("{} # of the shop", "ends with a comment"),
        ("{}\t#", "ends with a comment"),
        ("%22{}%22", "begins or ends with a character that was percent-encoded"),
        ("%E2%80%9C{}%E2%80%9D", "begins or ends with a character that was percent-encoded"),
        ("{}%0A", "begins or ends with a character that was percent-encoded"),
        ("{}%20", "begins or ends with a character that was percent-encoded"),
        ("%2522{}", "begins or ends with a character that was percent-encoded"),
        ("\ufeff{}", "holds a character that can't be seen (U+FEFF)"),
        ("{}\u200b", "holds a character that can't be seen (U+200B)"),
        ("\u202a{}\u202c", "holds a character that can't be seen (U+202A)"),
        ("{}\x1b[0m", "holds a character that can't be seen (U+001B)"),
    ],
)
def test_what_a_copy_left_around_a_value_is_named_and_the_value_is_not_repeated(
    name: str, around: str, why: str
) -> None:
    (told,) = problems(**{**GIVEN, name: around.format(GIVEN[name])})
    assert told.startswith(f"{name} {why}")
    assert told.endswith(".")
    assert GIVEN[name][4:] not in told


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "ADMIN_TOKEN", "BOT_PII_KEY", "TWILIO_ACCOUNT_SID"]
)
@pytest.mark.parametrize(
    "within",
    ["{}#comment", "{} two", "{}\ntwo", "{}\u00a0two", "{}\u0430", "{}\u2026", "a%2Fb{}", 'a"{}', "{}|", "{}<br>", "{}\\n{}", "sk-\u200d{}"],
)  # fmt: skip
def test_what_none_of_its_kind_has_in_it_is_refused_and_not_repeated(name: str, within: str) -> None:
    value = GIVEN[name]
    (told,) = problems(**{**GIVEN, name: within.format(value, value)})
    assert told.startswith(f"{name} ")
    assert value[4:] not in told


@pytest.mark.parametrize(
    "value", ["sk_proj-a_B-c0123456789", "a" * 32, "eyJhbGciOi.J9-_x.y", "abcdefghijklmnop+/==", "v~1.0123456789abcdef"]
)
def test_any_bearer_token_is_a_key(value: str) -> None:
    settings = load_settings({"OPENAI_API_KEY": value, "ADMIN_TOKEN": value})
    assert settings.openai_api_key.get_secret_value() == settings.admin_token.get_secret_value() == value


@pytest.mark.parametrize("blank", ["{}\n", " {}", "{}\t", "\u00a0{}\u00a0", "{}\r\n"])
def test_blanks_around_a_value_are_cut(blank: str) -> None:
    assert load_settings({name: blank.format(value) for name, value in GIVEN.items()}).auth_tokens == (TOKEN,)


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "ADMIN_TOKEN", "TWILIO_ACCOUNT_SID"])
@pytest.mark.parametrize(
    "text",
    [
        "...", "sk-...", "AC...", "sk-\u2026", "sk-proj-****abcd", "\u2022\u2022\u2022\u2022", "sk-xxxxxxxx", "xxxx", "changeme", "CHANGE_ME", "your-key", "your_auth_token",
        "<your key>", "$OPENAI_API_KEY", "${OPENAI_API_KEY}", "%OPENAI_API_KEY%", "{{ secrets.KEY }}", "$(cat key)", "None", "null", "undefined", "TODO", "replace-me",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_value(name: str, text: str) -> None:
    (told,) = problems(**{**GIVEN, name: text})
    assert told.startswith(f"{name} ")
    assert any(word in told for word in ("placeholder", "reference", "stands between"))


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("TWILIO_AUTH_TOKEN", SID, "an Account SID of Twilio"),
        ("TWILIO_AUTH_TOKEN", "SK" + "0" * 32, "the SID of an API key of Twilio"),
        ("TWILIO_AUTH_TOKEN", KEY, "an API key of OpenAI"),
        ("OPENAI_API_KEY", SID, "an Account SID of Twilio"),
        ("OPENAI_API_KEY", URL, "a URL"),
        ("ADMIN_TOKEN", KEY, "an API key of OpenAI"),
    ],
)
def test_a_secret_in_the_place_of_another_is_said_to_be_one(name: str, text: str, kind: str) -> None:
    (told,) = problems(**{**GIVEN, name: text})
    assert told.startswith(f"{name} is {kind}")


@pytest.mark.parametrize("text", [f'"{TOKEN}","{TOKEN}"', f'{TOKEN},"{TOKEN}', f"{TOKEN},", f"'{TOKEN}', {TOKEN}"])
def test_each_of_two_tokens_is_looked_at(text: str) -> None:
    (told,) = problems(TWILIO_AUTH_TOKEN=text)
    assert told.startswith("TWILIO_AUTH_TOKEN ")
    assert TOKEN not in told


@pytest.mark.parametrize(
    "name", ["PORT", "BOT_SPEED", "BOT_GREETING_AUDIO", "BOT_VOICE", "LOG_LEVEL", "WEB_CONCURRENCY"]
)
def test_quotation_marks_around_any_value_but_a_text_are_named(name: str) -> None:
    (told,) = problems(**{name: '"1"'})
    assert told == f"{name} begins and ends with a quotation mark that is no part of it; take both away."


def test_a_text_may_stand_between_quotation_marks_and_is_pointed_out() -> None:
    settings = load_settings({**REAL, "BOT_GREETING": '"Hello."', "BOT_INSTRUCTIONS": 'Say "yes" or "no"'})
    assert settings.greeting == '"Hello."'
    (warning,) = warnings_about(settings)
    assert warning.startswith("BOT_GREETING stands between quotation marks")


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "TWILIO_AUTH_TOKEN", "ADMIN_TOKEN", "BOT_PII_KEY"])
def test_a_value_from_a_file_is_looked_at_too_and_the_file_is_named(tmp_path: Path, name: str) -> None:
    (file := tmp_path / "secret").write_text(f'"{GIVEN[name]}"\n')
    (told,) = problems(**{f"{name}_FILE": str(file)})
    assert told.startswith(f"{name} (in {file}) begins and ends with a quotation mark")
    assert GIVEN[name] not in told


@pytest.mark.parametrize("text", [KEY, TOKEN, "https://vault.heardline.dev/key"])
def test_a_secret_where_its_file_is_to_be_named_is_not_repeated(text: str) -> None:
    (told,) = problems(OPENAI_API_KEY_FILE=text)
    assert (
        told
        == "OPENAI_API_KEY_FILE must name a file, and holds a value; give the value to OPENAI_API_KEY, or mend the path."
    )


@pytest.mark.parametrize("text", ["y", "short", "fifteen-letters"])
def test_a_token_of_the_operator_is_long_enough_to_be_no_word(text: str) -> None:
    assert problems(ADMIN_TOKEN=text) == [
        "ADMIN_TOKEN must have 16 characters or more; `openssl rand -hex 32` makes some."
    ]


def test_no_short_secret_is_masked_since_it_may_be_part_of_any_word() -> None:
    assert load_settings({"OPENAI_API_KEY": "test", "TWILIO_AUTH_TOKEN": "call,phone"}).secrets == ()


# ---- addresses ----


@pytest.mark.parametrize(
    ("url", "door"),
    [
        ("https://bot.heardline.dev/voice", "/voice"),
        ("https://bot.heardline.dev/voice/", "/voice"),
        ("http://127.0.0.1:8080/voice", "/voice"),
        ("https://bot.heardline.dev/Voice", "/Voice"),
        ("https://bot.heardline.dev/one/voice", "/voice"),
        ("https://bot.heardline.dev/voice/status", "/voice/status"),
        ("https://bot.heardline.dev/voice/next", "/voice/next"),
        ("https://bot.heardline.dev/media", "/media"),
        ("https://bot.heardline.dev/media/TOKEN", "/media/TOKEN"),
        ("https://bot.heardline.dev/healthz", "/healthz"),
        ("https://bot.heardline.dev/voice/incoming", "/voice/incoming"),
        ("https://bot.heardline.dev/voice/webhook/", "/voice/webhook"),
        ("https://bot.heardline.dev/incoming-call", "/incoming-call"),
        ("https://bot.heardline.dev/media-stream", "/media-stream"),
    ],
)
def test_a_public_url_with_one_of_our_paths_in_it_is_refused(url: str, door: str) -> None:
    assert missing_for_call(load_settings({**REAL, "PUBLIC_URL": url})) == [
        f"PUBLIC_URL ends with {door}, which the bot adds by itself: take that away."
    ]


@pytest.mark.parametrize("path", ["/voicebot", "/voice-bot", "/invoice", "/voice/one", "/mediacenter", "/one/"])
def test_a_prefix_that_only_looks_like_one_of_our_paths_is_taken(path: str) -> None:
    assert load_settings({"PUBLIC_URL": URL + path}).public_url == (URL + path).rstrip("/")


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.2", "169.254.1.1", "[fe80::1]", "[fd00::1]", "100.64.0.1", "mac.local", "bot", "bot.internal", "bot.lan", "bot.default.svc.cluster.local", "BOT.LOCAL", "localhost:8443",
     "bot.localhost", "x.home.arpa", "x.onion", "bot.corp", "127.1", "0x7f.1", "2130706433", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "224.0.0.1", "255.255.255.255", "[ff02::1]", "bot."],
)  # fmt: skip
def test_an_address_that_twilio_can_not_reach_is_missing_a_public_one(host: str) -> None:
    settings = load_settings({**REAL, "PUBLIC_URL": f"https://{host}"})
    (told,) = missing_for_call(settings)
    assert told.startswith("PUBLIC_URL is an address of ")


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://127.0.0.1:1", URL, "https://8.8.8.8", "https://x.ngrok-free.app"]
)
def test_an_address_for_a_simulated_phone_or_for_the_world_is_taken(url: str) -> None:
    assert unreachable(url) == []


@pytest.mark.parametrize(
    "host",
    [
        "bot.test", "x.invalid", "x.alt", "192.0.2.1", "198.51.100.7", "203.0.113.9", "[2001:db8::1]",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["PUBLIC_URL", "BOT_OVERFLOW_URL"])
def test_the_address_of_a_manual_can_not_be_rung(name: str, host: str) -> None:
    settings = load_settings({**REAL, name: f"https://{host}"})
    assert missing_for_call(settings) == [
        f"{name} is the address of an example: put in the one at which Twilio reaches this server."
    ]
    assert warnings_about(settings) == []


@pytest.mark.parametrize(
    "host",
    ["bot.example.com", "example.com", "bot.example.org", "EXAMPLE.NET", "phone.example", "bot.example.com."],
)
@pytest.mark.parametrize("name", ["PUBLIC_URL", "BOT_OVERFLOW_URL"])
def test_a_name_that_documents_use_is_told_but_a_trial_may_map_it(name: str, host: str) -> None:
    settings = load_settings({**REAL, name: f"https://{host}"})
    assert missing_for_call(settings) == []
    assert warnings_about(settings) == [
        f"{name} is the address of an example: put in the one at which Twilio reaches this server."
    ]


@pytest.mark.parametrize("host", ["example.dev", "myexample.com", "example.com.heardline.dev", "test.dev", "protest"])
def test_a_host_that_only_looks_like_an_example_is_none(host: str) -> None:
    assert not any("example" in told for told in unreachable(f"https://{host}"))


@pytest.mark.parametrize(
    "url",
    [
        "https://your-domain.com",
        "https://yourdomain.com",
        "https://your-app.ngrok.io",
        "https://xxxxx.ngrok.io",
        "https://...",
    ],
)
def test_the_address_of_somebody_elses_manual_is_refused(url: str) -> None:
    (told,) = problems(PUBLIC_URL=url)
    assert "placeholder" in told


def test_each_path_that_the_server_answers_to_is_known_to_be_its_own() -> None:
    paths = {resource.canonical for resource in make_app(load_settings(REAL)).router.resources()}
    assert "/voice/next" in paths
    for path in paths:
        (told,) = unreachable(URL + path.replace("{token}", "0" * 43))
        assert told.startswith(f"PUBLIC_URL ends with {path.partition('{')[0]}")


@pytest.mark.parametrize("name", ["PUBLIC_URL", "BOT_OVERFLOW_URL", "OPENAI_REALTIME_URL"])
@pytest.mark.parametrize(
    "host",
    [
        "a..b.dev", ".b.dev", "a.b.dev..", "-a.dev", "a-.dev", f"{'a' * 64}.dev", ".".join(["a" * 60] * 5), "1.2.3.4.5", "256.1.1.1", "bot.dev%20", "a%2Edev", "b,c.dev", "b;c.dev", "bot.123", ".",
    ],
)  # fmt: skip
def test_a_host_that_can_be_none_is_refused(name: str, host: str) -> None:
    scheme = "wss" if name == "OPENAI_REALTIME_URL" else "https"
    (told,) = problems(**{**REAL, name: f"{scheme}://{host}/v1"})
    assert told.startswith((f"{name} must have a host that can be one", f"{name} ends with "))


@pytest.mark.parametrize(
    "host", [f"{'a' * 63}.dev", "xn--bcher-kva.dev", "bot.heardline.dev.", "1.bot.dev", "a--b.dev"]
)
def test_a_host_that_is_only_odd_is_taken(host: str) -> None:
    assert missing_for_call(load_settings({**REAL, "PUBLIC_URL": f"https://{host}"})) == []


# ---- the env file ----


def broken(tmp_path: Path, text: str | bytes) -> list[str]:
    (file := tmp_path / "my.env").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingsError) as caught:
        read_env_file(file)
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (f"OPENAI_API_KEY {KEY}\n", [1]),
        (f"# mine\n\nOPENAI_API_KEY: {KEY}\nPORT=1\n", [3]),
        (f'PORT=1\nOPENAI_API_KEY="{KEY}\n', [2]),
        (f"PORT=1\r\n{KEY}\r\nHOST=x\r\n", [2]),
        (f"set OPENAI_API_KEY={KEY}\n\n\n- PORT=2\n", [1, 4]),
        ("PORT=1\n=2\n", [2]),
        ('{"PORT": 1}\n', [1]),
    ],
)
def test_a_broken_line_is_told_with_its_file_and_number_and_not_repeated(
    tmp_path: Path, text: str, lines: list[int]
) -> None:
    told = broken(tmp_path, text)
    assert told == [
        f"Line {line} of {tmp_path / 'my.env'} is no NAME=value; mend it, close its quotation mark, or begin it with #."
        for line in lines
    ]


@pytest.mark.parametrize(
    "text", ["\ufeffPORT=7\r\nHOST = x # mine\r\n", "export PORT='7'\n\n# no\nHOST=\"x\"", "PORT=7\rHOST=x\r"]
)
def test_lines_are_read_as_every_editor_saves_them(tmp_path: Path, text: str) -> None:
    (file := tmp_path / "my.env").write_bytes(text.encode())
    assert read_env_file(file) == {"PORT": "7", "HOST": "x"}


def test_a_name_that_stands_twice_in_the_env_file_is_pointed_out_and_the_last_one_holds(tmp_path: Path) -> None:
    (file := tmp_path / "my.env").write_text("PORT=1\n\n# again\nOTHERS=1\nexport PORT=2\nOTHERS=2\nPORT=3\n")
    settings = load_settings(REAL, read_env_file(file))
    assert settings.port == 3
    assert warnings_about(settings) == [
        f"PORT stands in lines 1, 5 and 7 of {file}; the last one holds: take the others away."
    ]


def test_an_env_file_that_is_a_directory_or_another_encoding_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"^.* of --env-file is a directory; name the file in it, such as .*/\.env\.$"
    ):
        read_env_file(tmp_path)
    assert "UTF-16" in broken(tmp_path, "PORT=1".encode("utf-16"))[0]
    assert broken(tmp_path, b"PORT=\xe9\n")[0].endswith("cannot be read (it is not UTF-8); mend it.")


def test_an_env_file_from_a_pipe_is_read(tmp_path: Path) -> None:
    there, here = os.pipe()
    os.write(here, b"PORT=7\n")
    os.close(here)
    try:
        assert read_env_file(Path(f"/dev/fd/{there}")) == {"PORT": "7"}
    finally:
        os.close(there)


# ---- paths that may not be looked at ----


@pytest.mark.parametrize("name", ["BOT_GREETING_AUDIO", "BOT_RECORD_DIR", "BOT_TWIML_DIR", "BOT_PRICES"])
def test_a_path_behind_a_directory_that_may_not_be_entered_is_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    looked_at = Path.stat

    def stat(self: Path, **knobs: bool) -> os.stat_result:
        if self.parts[:2] == ("/", "locked"):
            raise PermissionError(13, "Permission denied", str(self))
        return looked_at(self, **knobs)

    monkeypatch.setattr(Path, "stat", stat)
    assert problems(**{name: "/locked/thing"}) == [
        f"{name} names a path that can't be looked at (Permission denied); mend it, or its directory."
    ]


def test_a_directory_that_we_are_in_and_may_not_look_into_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", stat)
    (told,) = problems()
    assert told.startswith("BOT_RECORD_DIR names a path that can't be looked at (Permission denied)")


@pytest.mark.parametrize("name", ["BOT_GREETING_AUDIO", "BOT_TWIML_DIR", "BOT_RECORD_DIR", "BOT_PRICES"])
@pytest.mark.parametrize("path", ["x" * 5000, "a\0b"])
def test_a_path_that_no_disk_can_have_is_told(name: str, path: str) -> None:
    (told,) = problems(**{name: path})
    assert told.startswith(f"{name} ")


def test_a_directory_in_the_place_of_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    assert problems(BOT_GREETING_AUDIO=str(tmp_path)) == [
        f"BOT_GREETING_AUDIO must be a file that exists, and names a directory; name the file in it (looked at {tmp_path})."
    ]


@pytest.mark.parametrize("name", ["BOT_GREETING", "BOT_TRANSCRIPTION_MODEL"])
@pytest.mark.parametrize("word", ["none", "None", "false", "no", "0", "null", "disabled"])
def test_another_word_for_off_is_neither_spoken_nor_asked_of_openai(name: str, word: str) -> None:
    assert problems(**{name: word}) == [f"{name} must be off to have none, not {word.lower()}."]


def test_a_relative_path_is_told_in_full_since_it_depends_on_where_the_bot_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("BOT_GREETING_AUDIO", "BOT_ANNOUNCEMENT_AUDIO", "BOT_FILLER_FILE", "BOT_PRICES"):
        assert problems(**{name: "hello.wav"}) == [
            f"{name} must be a file that exists; put it there, or mend the path (looked at {tmp_path}/hello.wav)."
        ]


@pytest.mark.parametrize("secret", [KEY, TOKEN, "postgres://me:secret@db/calls"])
def test_a_secret_in_the_place_of_a_path_is_not_repeated(secret: str) -> None:
    (told,) = problems(BOT_GREETING_AUDIO=secret)
    assert secret not in told


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "10.1", "192.168.257"])
def test_an_address_of_ours_in_another_spelling_is_noticed(host: str) -> None:
    (told,) = missing_for_call(load_settings({**REAL, "PUBLIC_URL": f"https://{host}"}))
    assert told.endswith("where Twilio can't reach it: give a public one, such as a tunnel prints.")
