"""Whole calls in virtual time and over sockets, compared with what a phone truly played; they make the fixtures.

`scenes` and `situations` are the calls, `random_calls` and `same` compare two versions of the core.
"""
