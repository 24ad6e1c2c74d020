"""Transfer of a caller to a person by Twilio: the person is rung, told, asked to take the call; what came of it.

Three webhooks, each of which may come to any process and more than once. What the bot says before is a matter of the
call (bot.call.handoff.transfer), and a caller who comes back is carried on like one whose line broke. To start:
`ring_destination.py`.
"""
