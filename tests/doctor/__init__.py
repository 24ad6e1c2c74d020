"""`bot check`, and what keeps a server from starting."""
