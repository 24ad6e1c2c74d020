"""The transcript, and the place of a cut in its words."""
