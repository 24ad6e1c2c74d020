"""Keys of the telephone: gathered, hidden for a tool, and sent."""
