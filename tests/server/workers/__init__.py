"""Processes: the event loop, the drain, messages to an operator."""
