"""The manual: its tables, links and citations, `bot help`, and the words of the code."""
