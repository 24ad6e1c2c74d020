"""Tests of why it was silent."""
