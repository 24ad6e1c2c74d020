"""State that processes and instances share."""
