"""The call store on SQLite, and on Postgres where it is installed. `troubles` has its faults."""
