"""Steps in which several parts of a call act together."""
