"""One session's state: the response gate, turn ownership, pending deletes, failover."""
