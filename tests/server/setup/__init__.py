"""Settings, prices and callers' access, as a call gets them."""
