"""A simulated call over real sockets, as Twilio makes it: webhooks, TwiML, streams.

Nothing here simulates the model. Start at `dial`.
"""
