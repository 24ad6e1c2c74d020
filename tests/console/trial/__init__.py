"""Tests of instructions tried in text."""
