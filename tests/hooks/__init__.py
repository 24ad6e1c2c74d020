"""Signed requests to the operator, with a receiver that answers as a test wants."""
