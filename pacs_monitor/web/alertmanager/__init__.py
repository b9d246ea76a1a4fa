"""Alertmanager's API, version 2, over the agent's own routes: for Prometheus, amtool, Karma and Grafana.

Answers are those of Alertmanager 0.25, with the fields that later versions have added. What differs is in docs/api.md.
"""
