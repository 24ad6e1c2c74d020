"""Migrations of the tables, run by alembic.

No import of the tables' present shape in `versions`. `env` is what alembic runs.
"""
