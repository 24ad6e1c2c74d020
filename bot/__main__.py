"""`python -m bot`: the `bot` command."""

from bot.cli import main

main()
