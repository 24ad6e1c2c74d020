"""The operator's pages: `/console`, and the browser phone. What people see and press;
nothing of a call is decided here.

Start at `routes.py`. Every route goes through `access.guarded`; pages, styles and scripts lie in `pages/`, and ask no
other host for anything, but for the phone's way straight to the model (`direct/`).
"""
