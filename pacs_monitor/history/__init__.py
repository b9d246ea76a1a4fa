"""Samples over time."""
