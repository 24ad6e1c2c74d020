"""What the bridge costs and how much it delays, beside a bare relay in the same run: `python -m tests.benchmarks`."""
