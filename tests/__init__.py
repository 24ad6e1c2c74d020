"""Tests, in the folders of what they test; the others prove whole calls: `proof`, `faults`, `hostile`, `fuzz`.

Helpers of one folder stand beside its tests, those of several here. Start at `call/scripted_call` and `proof/scenes`.
"""
