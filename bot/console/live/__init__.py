"""Live calls, as the pages that are open are told of them: looked at once and written once, for all pages alike.

Start at `live_board.py`, which is what the pages have in common; `live_feed.py` is where the news comes from.
"""
