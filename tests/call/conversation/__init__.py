"""The conversation: who has the floor, cuts, the opening and the goodbye."""
