"""The browser phone: a page that calls this server as a telephone would.

The browser captures and plays; `gateway.py` plays Twilio's part between it and the server's own webhook and stream,
with Twilio's playout, marks and clear, and its signature. Start there.
"""
