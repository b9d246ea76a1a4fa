"""A monitoring agent for hospital imaging infrastructure."""

__version__ = "0.1.0"
