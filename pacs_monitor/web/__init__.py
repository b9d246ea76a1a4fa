"""The agent's web server: metrics, health, pages, and the few things that it can be told to do."""
