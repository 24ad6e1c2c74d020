"""Who a caller may be transferred to, and when they are there."""
