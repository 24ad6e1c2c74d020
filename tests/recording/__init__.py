"""Recorded calls: fixtures, their masking and their replay. `records_sample` makes one."""
