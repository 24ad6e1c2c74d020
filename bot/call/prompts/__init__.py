"""Prompts, said from a recording or before all else: greeting, announcement, filler.

No answer of the model. `recorded_prompt` is what they have in common.
"""
