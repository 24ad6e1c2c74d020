"""Migrations of the tables, run by alembic.

No file in `versions` imports the tables' present shape. Start at `env`, which alembic runs.
"""
