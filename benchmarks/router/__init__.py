"""The router beside its own HTTP server without a store, beside the disk, and beside Alertmanager's own receivers."""
