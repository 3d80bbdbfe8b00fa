"""What the router does by itself, on a clock: each duty is one transaction or one poll, and is due every so often."""
