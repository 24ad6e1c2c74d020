"""Results of calls that are over, made by a model: a summary, a disposition and the operator's own fields.

The schema, one text request over HTTP, and its answer, each judged. When it is asked, and what becomes of the answer,
is the server's. Nothing a caller said is an instruction here. Start at `result_request`.
"""
