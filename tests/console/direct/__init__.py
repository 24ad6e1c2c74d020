"""Tests of the browser phone's direct way to the model."""
