"""The ledger, its estimate and the queue, held against a simulated phone."""
