"""Routes for the operator's own programs."""
