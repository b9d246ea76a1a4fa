"""Learns when a source of studies usually sends, and how long it is silent then; tells when it is silent for longer."""
