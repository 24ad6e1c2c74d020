"""Questions to the call store as people type them."""
