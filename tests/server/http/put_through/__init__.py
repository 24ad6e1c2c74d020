"""A caller who is put through to a person, as Twilio asks of it."""
