"""A simulated call over real sockets."""
