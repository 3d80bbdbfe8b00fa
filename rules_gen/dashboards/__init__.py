"""What a Grafana dashboard of a service is made of: what to draw, where, in which colour, and its JSON."""
