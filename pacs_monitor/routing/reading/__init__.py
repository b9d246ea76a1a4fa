"""Reads an Alertmanager configuration, a file per part of it."""
