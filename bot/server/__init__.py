"""Sockets, tasks and processes around the call.

Nothing here decides anything about a conversation. A process starts in `workers.serve`, a request in `http.app`, a
call in `calls.bridge`.
"""
