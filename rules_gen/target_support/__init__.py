"""What several targets need. Targets never import each other, and a module here is not a target."""
