"""The call leaves the bot's hands: hung up, put through to a person, or taken over by an operator.

No rule that watches the clock alone, and no limit: those end in `conversation.goodbye`. Start at `end_call`.
"""
