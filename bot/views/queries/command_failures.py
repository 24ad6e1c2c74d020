"""Failures of commands about stored calls: a sentence for a person, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bot.store.urls import StoreError
from bot.views.queries.call_query import BadQuestion
from bot.views.queries.store_access import StoreUnreachable

WRONG_USE = 2


class Failed(Exception):
    """The command ends with `sentences` and `code`."""

    def __init__(self, *sentences: str, code: int = 1) -> None:
        super().__init__(*sentences)
        self.sentences = sentences
        self.code = code


@contextmanager
def told() -> Iterator[None]:
    """The store's troubles, and the questioner's, as Failed."""
    try:
        yield
    except (BadQuestion, StoreError) as error:
        raise Failed(str(error), code=WRONG_USE) from None
    except StoreUnreachable as error:
        raise Failed(str(error)) from None
    except OSError as error:
        if error.filename is None:  # of a terminal or pipe that is gone
            raise
        why = f"{error.filename} can't be used ({error.strerror})"
        raise Failed(f"{why}; let this user in, or mend BOT_RECORD_DIR or DATABASE_URL.") from None
