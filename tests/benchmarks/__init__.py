"""Cost and delay of the bridge, beside a bare relay in the same run: `python -m tests.benchmarks`."""
