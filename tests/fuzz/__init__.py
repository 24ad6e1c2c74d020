"""A fuzzer guided by coverage: `python -m tests.fuzz`. Start at `targets`."""
