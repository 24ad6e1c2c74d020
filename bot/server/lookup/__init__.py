"""The lookup before a call: the operator's own server is asked who calls, and says what holds for this call.

Nothing of a conversation is decided here, and nobody is dialled but by a name of the operator's list. Start at
`call_lookup`.
"""
