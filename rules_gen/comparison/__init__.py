"""What a change of the definitions means to those who are paged, in words. Pure."""
