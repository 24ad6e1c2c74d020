"""The Realtime session's side: events, errors, prices, the socket."""
