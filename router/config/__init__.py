"""Settings, secrets and routes as they are read and checked."""
