"""The script of the offline agent. Nothing here needs its models."""
