"""The files that are written about a call while it runs: fixture and audio.

Nothing here lets a call wait for a disk. Start at `recorder`.
"""
