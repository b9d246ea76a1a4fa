"""From the outbox to a person: one file per channel, and the templates of what is said."""
