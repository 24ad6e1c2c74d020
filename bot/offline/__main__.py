"""`python -m bot.offline`: the agent as `bot serve --offline` starts it beside itself."""

from bot.offline.companion_process import main

main()
