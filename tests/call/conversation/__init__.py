"""The conversation: who has the floor, cuts, function calls, the opening and the goodbye."""
