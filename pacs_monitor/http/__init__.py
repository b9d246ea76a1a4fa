"""HTTP/1.1: one request for checks, each phase of it timed; and sessions that end in time, for all else."""
