"""Twilio's side: stream messages, playout, signatures, tokens, TwiML."""
