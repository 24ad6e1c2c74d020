"""Function calls: their outputs, the rules of a tool, the caller's approval, and tools of remote servers."""
