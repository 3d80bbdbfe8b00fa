"""What several checks need: where texts were written, the names nearest to a misspelt one, units of signals."""
