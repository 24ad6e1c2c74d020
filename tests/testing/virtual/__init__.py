"""Virtual time, and the oracle for client events."""
