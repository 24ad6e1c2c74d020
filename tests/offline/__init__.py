"""The offline agent. What needs its models is skipped where the extra `offline` is not installed."""
