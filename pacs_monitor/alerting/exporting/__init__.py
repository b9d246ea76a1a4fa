"""Rules made ready for a Prometheus of one's own: `pacs-monitor rules export`."""
