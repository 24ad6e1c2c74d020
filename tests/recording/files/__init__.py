"""Files that are written about a call while it runs."""
