"""What is done to stored calls afterwards: purged, erased, ended when their process died.

Nothing while a call runs. Start at `erasing`.
"""
