"""The part of Go's text/template that Prometheus rules use, with Prometheus' functions."""
