"""Expressions of Prometheus (PromQL), read and evaluated over the history, as Prometheus 3 does for floats."""
