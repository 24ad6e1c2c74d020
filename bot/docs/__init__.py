"""The manual: a Markdown file a topic, for `bot help TOPIC` and for a repository page.

What it has of code and data stands between two marks and is made anew by `python -m bot.docs`, from
`generated_tables`. Here live the texts and the way to them; never what the bot does. To start: `TOPICS`.
"""

from __future__ import annotations

import difflib
import re
from importlib.resources import files

TOPICS = (
    "settings",
    "deploying",
    "watching",
    "console",
    "profiles",
    "lookup",
    "tools",
    "transfer",
    "keypad",
    "outbound",
    "money",
    "limits",
    "recording",
    "records",
    "transcripts",
    "webhooks",
    "troubleshooting",
    "faults",
    "security",
    "performance",
    "azure-and-xai",
    "proved",
    "how-it-works",
    "offline",
    "testing",
    "development",
    "openai-realtime",
    "twilio-voice",
    "failures",
)
"""Topics in the order of their list: what an operator needs first comes first."""
_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
_ANCHOR = re.compile(r'<a id="[^"]*"></a>')
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([a-z-]+)\.md(?:#[^)]*)?\)")
_FILE = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https:)[^)]*\)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")


def source(topic: str) -> str:
    """The Markdown of a topic, as its file has it."""
    return files("bot.docs").joinpath(f"{topic}.md").read_text(encoding="utf-8")


def page(topic: str) -> str:
    """The same for a terminal: links to other topics name the command that shows them."""
    text = _ANCHOR.sub("", _COMMENT.sub("", source(topic)))
    text = _PICTURE.sub(r"(A picture: \1)", text)
    return _FILE.sub(r"\1", _LINK.sub(_command, text))


def summary(topic: str) -> str:
    """The sentence below the title of a topic."""
    return source(topic).split("\n\n", 2)[1].strip()


def nearest(asked: str) -> str:
    """The topic whose name is most like `asked` or holds it, else the one that speaks of it most; "" when none does."""
    word = asked.casefold().removesuffix(".md")
    close = difflib.get_close_matches(word, TOPICS, n=1)
    if not close and len(word) > 2:
        close = [topic for topic in TOPICS if word in topic]
    if not close and len(word) > 2:
        spoken = {topic: source(topic).casefold().count(word) for topic in TOPICS}
        close = sorted((topic for topic in TOPICS if spoken[topic]), key=lambda topic: -spoken[topic])
    return next(iter(close), "")


def _command(link: re.Match[str]) -> str:
    text, topic = link.groups()
    return f"`bot help {topic}`" if text == topic else f"{text} (`bot help {topic}`)"
