"""The webhook receiver that carries firing alerts to people; it arrives with the next milestone."""
