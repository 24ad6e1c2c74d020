"""Realtime sessions of a call, as sockets: idle ones, and those that take over."""
