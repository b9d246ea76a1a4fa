"""What the command line asks of a running agent beside Alertmanager's API: `/api/overview` and others."""
