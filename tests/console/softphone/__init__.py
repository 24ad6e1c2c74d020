"""Tests of the browser phone's part between a browser and the server."""
