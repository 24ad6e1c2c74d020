"""Views for people: timelines, pages, listings, vCon.

Nothing here writes to a call or to the store, but for the note of an export. A fixture becomes a `timeline`; stored
calls are in `stored`.
"""
