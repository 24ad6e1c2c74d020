"""Tests of what pages are told of live calls."""
