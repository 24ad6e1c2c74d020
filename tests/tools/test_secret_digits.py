"""Digits for one tool alone: its function gets them, the model is not told of the parameter, nothing shows them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Annotated

import pytest
from structlog.testing import capture_logs

from bot.call.settings import SecretRules
from bot.docs import source
from bot.tools import BadTool, Digits, SecretDigits, Toolbox, ToolContext, ToolError, tool
from bot.tools.python.module import ModuleTools
from bot.tools.python.tool_signature import Signature
from bot.tools.secret_digits import KEYED_IN, VALID, scrubbed, without_secret

CARD = "4929123456781234"
MODULE = '''
from typing import Annotated
from bot.tools import Digits, SecretDigits, ToolError, tool

TAKEN = []

@tool
def pay(card: Annotated[SecretDigits, Digits(13, 19, tries=2)], amount: float) -> str | None:
    """Charge the caller's card.

    Args:
        amount: In euros.
    """
    TAKEN.append(card.reveal())
    if amount < 0:
        raise ToolError(f"{card.reveal()[:4]} {card.reveal()[4:8]}-{card.reveal()[8:]} is refused.")
    if amount > 1000:
        raise RuntimeError(f"no such card {card.reveal()}, {card}")
    return f"charged {card.reveal()} of {card!r}" if amount > 100 else None

@tool
async def identify(pin: SecretDigits) -> str:
    """Check who calls."""
    return f"{len(pin)} digits"
'''


@pytest.fixture
async def box(tmp_path: Path) -> Toolbox:
    path = tmp_path / "keyed_tools.py"
    path.write_text(MODULE, encoding="utf-8")
    made = Toolbox([ModuleTools(str(path))])
    await made.open()
    return made


def test_the_model_is_not_told_of_the_parameter_but_that_the_caller_keys_it_in() -> None:
    @tool
    def pay(card: Annotated[SecretDigits, Digits(13, 19)], amount: float) -> None:
        """Charge it."""

    signature = Signature(pay, "pay")
    assert list(signature.told.parameters["properties"]) == ["amount"]
    assert signature.told.parameters["required"] == ["amount"]
    assert signature.told.description == f"Charge it.\n\n{KEYED_IN}"
    assert signature.secret == SecretRules(13, 19, 3)


async def test_the_rules_tell_how_many_they_are(box: Toolbox) -> None:
    by_name = {rules.name: rules.secret for rules in box.rules()}
    assert by_name == {"pay": SecretRules(13, 19, 2), "identify": SecretRules()}
    await box.close()


async def test_the_function_gets_them_and_the_model_learns_that_they_are_valid(box: Toolbox) -> None:
    context = ToolContext("CA1", secret=SecretDigits(CARD))
    assert (await box.run("pay", '{"amount": 5}', context)).output == json.dumps({"result": VALID})
    assert (await box.run("identify", "{}", context)).output == '{"result": "16 digits"}'
    await box.close()


@pytest.mark.parametrize("amount", [-1, 500, 5000])
async def test_whatever_the_tool_says_of_them_is_told_without_them(box: Toolbox, amount: float) -> None:
    with capture_logs() as logs:
        result = await box.run("pay", json.dumps({"amount": amount}), ToolContext("CA1", secret=SecretDigits(CARD)))
    said = result.output + json.dumps(logs, default=str)
    assert "***" in said
    assert CARD not in said.replace(" ", "").replace("-", "")
    await box.close()


async def test_a_model_that_fills_the_parameter_in_is_refused(box: Toolbox) -> None:
    result = await box.run("pay", json.dumps({"card": CARD, "amount": 5}), ToolContext("CA1"))
    assert (result.ok, result.ran) == (False, False)
    await box.close()


def test_printed_or_written_they_are_hidden() -> None:
    secret = SecretDigits(CARD)
    assert (str(secret), f"{secret}", f"{ToolContext(secret=secret)}".count(CARD)) == (
        "SecretDigits(***)",
        "SecretDigits(***)",
        0,
    )
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize("text", [CARD, "4929 1234 5678 1234", "4929-1234-5678-1234", "a4929123456781234b"])
def test_digits_are_scrubbed_however_they_are_set_apart(text: str) -> None:
    assert scrubbed(f"no {text}!", SecretDigits(CARD)).count("***") == 1


def test_a_short_number_is_scrubbed_only_where_it_stands_by_itself() -> None:
    assert scrubbed("code 123, order 71234", SecretDigits("123")) == "code ***, order 71234"


def test_no_digits_leave_a_text_alone() -> None:
    assert scrubbed("none", None) == scrubbed("none", SecretDigits("")) == "none"


@pytest.mark.parametrize("digits", [Digits(0, 4), Digits(5, 4), Digits(1, 65), Digits(1, 4, tries=0)])
def test_rules_that_are_none_are_named_at_the_start(digits: Digits, tmp_path: Path) -> None:
    path = tmp_path / "odd_tools.py"
    text = MODULE.replace("Digits(13, 19, tries=2)", f"Digits({digits.least}, {digits.most}, {digits.tries})")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadTool, match="the tool pay"):
        ModuleTools(str(path)).load()


def test_a_function_takes_one_number_at_a_time() -> None:
    def both(card: SecretDigits, pin: SecretDigits) -> None:
        """Take both."""

    with pytest.raises(BadTool, match="twice"):
        Signature(both, "both")


def test_a_server_offers_them_by_the_format_of_a_property() -> None:
    keyed = {"type": "string", "format": "secret-digits", "minLength": 4, "maxLength": 6}
    offered = {"type": "object", "properties": {"pin": keyed, "name": {"type": "string"}}, "required": ["pin", "name"]}
    shown, name, rules = without_secret(offered)
    assert (name, rules) == ("pin", SecretRules(4, 6))
    assert shown == {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    assert without_secret({"type": "object"}) == ({"type": "object"}, "", None)


def test_an_error_of_the_tool_is_one_sentence() -> None:
    assert str(ToolError("The card is not valid.")) == "The card is not valid."


async def test_the_example_of_the_manual_takes_a_card_that_is_one(tmp_path: Path) -> None:
    path = tmp_path / "manual_tools.py"
    path.write_text(source("keypad").partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    box = Toolbox([ModuleTools(str(path))])
    await box.open()
    outputs = [
        (await box.run("pay_by_card", '{"euros": 5}', ToolContext(secret=SecretDigits(card)))).output
        for card in ("4929123456781234", "4111111111111111")
    ]
    assert "not valid" in outputs[0]
    assert outputs[1] == '{"result": "5 euros were charged."}'
    await box.close()
