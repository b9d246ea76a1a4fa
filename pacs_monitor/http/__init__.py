"""HTTP/1.1 for checks: one request on a connection of its own, each phase timed, and what an answer must be like."""
