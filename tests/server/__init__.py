"""The server over real sockets, with a simulated Twilio and a simulated model.

Start at `simulated_server`; `leaks` is what every test here is checked for.
"""
