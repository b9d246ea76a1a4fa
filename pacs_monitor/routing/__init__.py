"""From a firing alert to the outbox: routes, groups, inhibition, silences, and what was told to whom."""
