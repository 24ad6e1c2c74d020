"""Routes, their refusals, and the end of the HTTP server."""
