"""The offline agent: a Realtime server for people without a key, with ears, a mouth and a small script.

It is the simulated server of `bot.testing.model`, protocol and all; here is what hears, thinks and speaks in it. The
models come with the extra `offline`, and nothing here or in them asks the network as it runs. Only the command line
knows this package. Start at `offline_agent`.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""Later versions of onnxruntime report their use to their maker unless they are told not to: here, nothing is told."""
