"""Tools written in Python: what the model is told of a function, what is refused, and how it is run."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from bot.call.settings import ToolRules
from bot.tools import BadTool, Result, Toolbox, ToolContext
from bot.tools.python import threads
from bot.tools.python.module import ModuleTools
from bot.tools.told_results import MAX_CHARS

HEAD = """
import asyncio, functools, sys, threading, time
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Optional
from pydantic import BaseModel, Field
from bot.tools import Silent, ToolContext, ToolError, tool
"""
CONTEXT = ToolContext("CA1", "+15555550142", "en")


def written(tmp_path: Path, text: str) -> str:
    """The path of a module of tools."""
    path = tmp_path / f"tools_{abs(hash(text))}.py"
    path.write_text(HEAD + text)
    return str(path)


def loaded(tmp_path: Path, text: str) -> ModuleTools:
    module = ModuleTools(written(tmp_path, text))
    module.load()
    return module


@asynccontextmanager
async def opened(tmp_path: Path, text: str) -> AsyncIterator[Toolbox]:
    toolbox = Toolbox([ModuleTools(written(tmp_path, text))])
    await toolbox.open()
    try:
        yield toolbox
    finally:
        await toolbox.close()


async def ran(tmp_path: Path, text: str, arguments: str = "{}", name: str = "go") -> Result:
    async with opened(tmp_path, text) as toolbox:
        return await toolbox.run(name, arguments, CONTEXT)


BOOK = '''
@tool(timeout_s=4, once=True)
async def book(name: str, day: date, context: ToolContext, persons: Annotated[int, Field(ge=1, le=8)] = 2,
               where: Literal["inside", "terrace"] = "inside") -> dict:
    """Book a table.

    Ask for the name first.

    Args:
        name: The name to book it for.
        day: The day.
    """
    return {"for": name, "day": day, "persons": persons, "caller": context.caller}
'''


def test_the_model_is_told_name_words_and_schema_and_nothing_of_the_context(tmp_path: Path) -> None:
    (spec,) = loaded(tmp_path, BOOK).specs()
    assert spec.rules == ToolRules("book", timeout_s=4, once=True)
    assert spec.function.name == "book"
    assert spec.function.description == "Book a table.\n\nAsk for the name first."
    assert spec.function.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "day"],
        "properties": {
            "name": {"type": "string", "description": "The name to book it for."},
            "day": {"type": "string", "format": "date", "description": "The day."},
            "persons": {"type": "integer", "minimum": 1, "maximum": 8, "default": 2},
            "where": {"type": "string", "enum": ["inside", "terrace"], "default": "inside"},
        },
    }


async def test_its_arguments_come_as_what_they_are_annotated(tmp_path: Path) -> None:
    result = await ran(tmp_path, BOOK, '{"name": "Ann", "day": "2026-12-01", "persons": "3"}', "book")
    assert json.loads(result.output) == {"for": "Ann", "day": "2026-12-01", "persons": 3, "caller": "+15555550142"}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("{}", "name: Field required"),
        ('{"name": "Ann", "day": "soon"}', "day: "),
        ('{"name": "Ann", "day": "2026-12-01", "persons": 9}', "persons: Input should be less than or equal to 8"),
        ('{"name": "Ann", "day": "2026-12-01", "url": "http://x"}', "url: Extra inputs are not permitted"),
        ('{"name": "Ann", "day": "2026-12-01", "context": {"caller": "+1"}}', "context: Extra inputs"),
        ('{"name": "Ann", "day": "2026-12-01", "where": "roof"}', "where: Input should be 'inside' or 'terrace'"),
    ],
)
async def test_wrong_arguments_are_refused_in_a_sentence_and_nothing_runs(
    tmp_path: Path, arguments: str, fault: str
) -> None:
    result = await ran(tmp_path, BOOK, arguments, "book")
    assert (result.ok, result.ran) == (False, False)
    told = json.loads(result.output)["error"]
    assert fault in told
    assert told.endswith("Nothing was done. Mend this and call it again.")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("signature", "sentence"),
    [
        ("def go(**more: str)", "takes **more"),
        ("def go(*days: str)", "takes *days"),
        ("def go(day: str, /)", "takes day by position only"),
        ("def go(day)", "does not say of which type day is"),
        ("def go(day: 'Missing')", "has a type that can't be found"),
        ("def go(lock: threading.Lock)", "has a type that has no schema"),
        ("def go(one: ToolContext, two: ToolContext)", "takes the context twice"),
    ],
)
def test_a_function_the_model_could_not_call_is_refused_in_a_sentence(
    tmp_path: Path, signature: str, sentence: str
) -> None:
    with pytest.raises(BadTool) as refused:
        loaded(tmp_path, f'@tool\n{signature}:\n    """Go."""\n')
    assert sentence in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("@tool\ndef go(): pass\n", "has no docstring"),
        ('@tool\ndef go():\n    """Go."""\n    yield 1\n', "yields"),
        ('@tool(name="go there")\ndef go():\n    """Go."""\n', "has a name that no tool may have"),
        ('@tool(timeout_s=0)\ndef go():\n    """Go."""\n', "timeout_s must be"),
        ('@tool(timeout_s="5")\ndef go():\n    """Go."""\n', "timeout_s must be"),
        ('@tool(approval="yes")\ndef go():\n    """Go."""\n', "approval must be one of none, key"),
        ('@tool(meanwhile=" ")\ndef go():\n    """Go."""\n', "meanwhile must be"),
        ('@tool(often=3)\ndef go():\n    """Go."""\n', "often"),
        ('def go():\n    """Go."""\n', "has no function with the decorator"),
        ('@tool\ndef a():\n    """Go."""\n@tool(name="a")\ndef b():\n    """Go."""\n', "two tools"),
        ("import nothing_of_that_name", "can't be imported: ModuleNotFoundError"),
        ("def (", "can't be imported: SyntaxError"),
        ("raise SystemExit(3)", "can't be imported: SystemExit"),
    ],
)
def test_a_module_that_can_not_be_used_is_refused_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadTool) as refused:
        loaded(tmp_path, text)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("name", ["end_call", "cancel_tool", "transfer_call", "send_digits"])
async def test_no_tool_may_have_the_name_of_a_function_of_the_bot(tmp_path: Path, name: str) -> None:
    toolbox = Toolbox([ModuleTools(written(tmp_path, f'@tool\ndef {name}():\n    """Go."""\n'))])
    with pytest.raises(BadTool, match=name):
        await toolbox.open()


@pytest.mark.parametrize(
    ("body", "output"),
    [
        ('return "booked"', '{"result": "booked"}'),
        ("return None", '{"result": "done"}'),
        ("return 3", "3"),
        ("return [date(2026, 1, 2)]", '["2026-01-02"]'),
        ('return {"a": float("nan")}', '{"a":null}'),
        ('raise ToolError("Full. Offer friday.")', '{"error": "Full. Offer friday."}'),
    ],
)
async def test_results_are_text_or_json(tmp_path: Path, body: str, output: str) -> None:
    assert (await ran(tmp_path, f'@tool\ndef go():\n    """Go."""\n    {body}\n')).output == output


async def test_a_result_may_be_silent(tmp_path: Path) -> None:
    result = await ran(tmp_path, '@tool\ndef go():\n    """Go."""\n    return Silent({"seen": 1})\n')
    assert result == Result('{"seen":1}', respond=False)


async def test_a_result_beyond_all_bounds_is_cut_or_refused(tmp_path: Path) -> None:
    text = await ran(tmp_path, '@tool\ndef go():\n    """Go."""\n    return "x" * 100_000\n')
    assert len(text.output) < MAX_CHARS + 100
    listed = await ran(tmp_path, '@tool\ndef go():\n    """Go."""\n    return list(range(100_000))\n')
    assert not listed.ok


@pytest.mark.parametrize(
    "body",
    [
        'raise ValueError("secret words")',
        "raise SystemExit(1)",
        "raise KeyboardInterrupt",
        "return object()",
        "raise TimeoutError",
        "raise asyncio.CancelledError",
        "raise concurrent.futures.CancelledError",
        "return next(iter(()))",
        'raise type("Theirs", (BaseException,), {"__repr__": lambda self: 1 / 0})',
        'raise SyntaxError("x", ("f.py", 1, 1, 5))',
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_whatever_a_tool_raises_is_a_sentence_for_the_model_and_a_traceback_for_the_log(
    tmp_path: Path, log: Any, body: str, kind: str
) -> None:
    head = f'import concurrent.futures\n@tool\n{kind} go():\n    """Go."""\n    '
    result = await ran(tmp_path, f"{head}{body}\n")
    assert not result.ok
    assert json.loads(result.output)["error"].startswith("go failed")
    assert "secret" not in result.output
    assert [one["event"] for one in log.entries if one["log_level"] == "error"] == ["tool_failed"]


@pytest.mark.parametrize("body", ["def __init__(self): pass", "def __str__(self): return None"])
async def test_a_refusal_of_the_operators_own_kind_is_a_sentence_too(tmp_path: Path, body: str) -> None:
    module = f'class Theirs(ToolError):\n    {body}\n@tool\ndef go():\n    """Go."""\n    raise Theirs()\n'
    result = await ran(tmp_path, f"from bot.tools import ToolError\n{module}")
    assert not result.ok
    assert isinstance(json.loads(result.output)["error"], str)


async def test_a_plain_function_that_blocks_blocks_nobody_and_is_given_up_in_its_time(tmp_path: Path) -> None:
    text = '@tool(timeout_s=0.2)\ndef go():\n    """Go."""\n    while not stop.is_set(): time.sleep(0.01)\nstop = threading.Event()\n'
    async with opened(tmp_path, text) as toolbox:
        blocked = asyncio.create_task(toolbox.run("go", "{}", CONTEXT))
        turns = 0
        while not blocked.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 100  # this loop went on
        assert "took too long" in json.loads((await blocked).output)["error"]


@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_validators_and_serializers_of_the_operators_run_where_the_tool_does(tmp_path: Path, kind: str) -> None:
    module = f"""
import threading
from typing import Annotated
from pydantic import AfterValidator, BaseModel, model_serializer
seen = []
def where(value):
    seen.append(threading.current_thread() is threading.main_thread())
    return value
class Told(BaseModel):
    @model_serializer
    def told(self) -> dict:
        where(0)
        return {{"in_the_calls_loop": seen}}
@tool
{kind} go(name: Annotated[str, AfterValidator(where)]):
    \"\"\"Go.\"\"\"
    return Told()
"""
    result = await ran(tmp_path, module, '{"name": "Ann"}')
    assert json.loads(result.output) == {"in_the_calls_loop": [False, False]}


async def test_a_coroutine_that_blocks_its_loop_does_not_block_the_calls(tmp_path: Path) -> None:
    text = '@tool(timeout_s=5)\nasync def go():\n    """Go."""\n    time.sleep(0.3)\n    return threading.current_thread().name\n'
    async with opened(tmp_path, text) as toolbox:
        running = asyncio.create_task(toolbox.run("go", "{}", CONTEXT))
        turns = 0
        while not running.done():
            turns += 1
            await asyncio.sleep(0)
        assert turns > 100
        assert json.loads((await running).output)["result"] == "tools' loop"


@pytest.mark.parametrize(
    "does",
    [
        "asyncio.create_task(leave())",
        "asyncio.get_running_loop().call_soon(sys.exit)",
        "asyncio.get_running_loop().stop()",
    ],
)
async def test_whatever_ends_a_loop_does_not_end_that_of_the_tools(tmp_path: Path, does: str) -> None:
    text = f'''
async def leave():
    sys.exit(2)
@tool(timeout_s=5)
async def go(really: bool):
    """Go."""
    if really:
        {does}
    await asyncio.sleep(0.05)
    return really
'''
    async with opened(tmp_path, text) as toolbox:
        some = [toolbox.run("go", json.dumps({"really": really}), CONTEXT) for really in (False, True)]
        assert [json.loads(one.output) for one in await asyncio.gather(*some)] == [False, True]
        assert json.loads((await toolbox.run("go", '{"really": false}', CONTEXT)).output) is False


async def test_a_tool_that_cancels_the_others_costs_them_their_result_and_not_their_answer(tmp_path: Path) -> None:
    text = '''
@tool(timeout_s=5)
async def waits():
    """Wait."""
    await asyncio.sleep(60)
@tool(timeout_s=5)
async def cancels():
    """Cancel."""
    while len(asyncio.all_tasks()) < 2:
        await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
'''
    async with opened(tmp_path, text) as toolbox:
        waits = asyncio.create_task(toolbox.run("waits", "{}", CONTEXT))
        assert (await toolbox.run("cancels", "{}", CONTEXT)).ok
        result = await waits
        assert not result.ok
        assert "failed" in json.loads(result.output)["error"]


async def test_a_coroutine_that_is_given_up_is_cancelled(tmp_path: Path) -> None:
    text = '''
seen = []
@tool(timeout_s=0.5)
async def go():
    """Go."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
@tool
async def look():
    """Look, until there is something to see."""
    while not seen:
        await asyncio.sleep(0.005)
    return seen
'''
    async with opened(tmp_path, text) as toolbox:
        assert not (await toolbox.run("go", "{}", CONTEXT)).ok
        assert (await toolbox.run("look", "{}", CONTEXT)).output == '["cancelled"]'


async def test_no_more_functions_run_at_a_time_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST_THREADS", 2)
    text = '@tool(duplicates="allow")\ndef go():\n    """Go."""\n    stop.wait(10)\n@tool\nasync def let():\n    """Let."""\n    stop.set()\nstop = threading.Event()\n'
    async with opened(tmp_path, text) as toolbox:
        two = [asyncio.create_task(toolbox.run("go", "{}", CONTEXT)) for _ in range(2)]
        await asyncio.sleep(0)
        assert not (await toolbox.run("go", "{}", CONTEXT)).ok
        await toolbox.run("let", "{}", CONTEXT)
        assert [(await one).ok for one in two] == [True, True]


async def test_a_function_has_the_thread_of_one_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, started = threads.ToolThreads(), []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda thread: (started.append(thread), start(thread))[1])
    mark = ContextVar("mark", default="nothing")

    def go() -> str:
        found = mark.get()
        mark.set("of another caller")
        return found

    assert [await pool.function(go) for _ in range(20)] == ["nothing"] * 20
    assert len(started) == 1
    held = threading.Event()
    both = asyncio.gather(pool.function(held.wait), pool.function(held.wait))
    await asyncio.sleep(0)
    assert len(started) == 2  # one waits for nobody, the other has the first one's
    held.set()
    await both
    await pool.close()
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()


async def test_a_thread_that_no_function_comes_for_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "IDLE_S", 0.0)
    pool = threads.ToolThreads()
    for _ in range(50):  # also while the one before is on its way out
        thread = await pool.function(threading.current_thread)
    thread.join(10)
    assert not thread.is_alive()
    assert await pool.function(threading.get_ident)


async def test_a_function_behind_another_decorator_is_called_by_its_own_signature(tmp_path: Path) -> None:
    text = '''
def logged(f):
    @functools.wraps(f)
    def inner(*a, **k):
        return f(*a, **k)
    return inner

@tool
@logged
async def go(n: int) -> int:
    """Go."""
    return n + 1
'''
    assert (await ran(tmp_path, text, '{"n": 1}')).output == "2"


def test_a_parameter_may_be_called_what_no_field_of_pydantic_may(tmp_path: Path) -> None:
    (spec,) = loaded(
        tmp_path, '@tool\ndef go(model_config: str, schema: int, title: str, _x: int):\n    """Go."""\n'
    ).specs()
    assert list(spec.function.parameters["properties"]) == ["model_config", "schema", "title", "_x"]


def test_a_function_that_hangs_for_ever_keeps_no_process_from_ending() -> None:
    done = threading.Event()
    pool = threads.ToolThreads()

    async def hang() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pool.function(lambda: done.wait(30))

    asyncio.run(hang())
    left = [one for one in threading.enumerate() if one.name == "tool" and one.is_alive()]
    done.set()
    assert left
    assert all(one.daemon for one in left)
