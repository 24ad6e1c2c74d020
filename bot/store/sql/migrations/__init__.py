"""How the tables came to be what they are, run by alembic.

No import of the tables' present shape in `versions`. `env` is what alembic runs.
"""
