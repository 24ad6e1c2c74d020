"""One call's sockets and sessions, its end, and the timer for all calls."""
