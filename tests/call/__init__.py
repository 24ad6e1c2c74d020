"""The core by itself, message by message and in virtual time.

`scripted_call` is a call fed by hand and read as short words; `lost_sessions` has every situation for a loss.
"""
