"""`bot calls` and `bot forget`, over a store that `calls_sample` fills."""
