"""PagerDuty: events and their limits, and the official client made to try once."""
