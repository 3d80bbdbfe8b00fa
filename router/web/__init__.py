"""The router's HTTP edge: the webhook, health and metrics. It knows the rest through `ports.Ports` only."""
