"""Heardline: a phone bot between Twilio Media Streams and an OpenAI Realtime session."""
