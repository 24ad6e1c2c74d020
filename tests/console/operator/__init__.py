"""Tests of what the operator's page shows and does."""
