"""Heardline: a phone bot between Twilio Media Streams and an OpenAI Realtime session.

README.md beside this is the map: the floors, the way of a frame through the files, and how to add a rule or a setting.
"""
