"""Whatever may break in a call, one thing at a time: what the caller hears, and how soon."""
