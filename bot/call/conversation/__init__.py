"""Bot and caller, and all that they do to each other: the opening, barge-in, answers, the goodbye.

No rule that watches the clock. Start at `floor`, which says who may speak, and `barge_in`.
"""
