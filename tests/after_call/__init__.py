"""Results of calls: the schema, the request, the answer, and the whole way over a socket."""
