"""Mail: MIME, what SMTP answers mean, kept connections."""
