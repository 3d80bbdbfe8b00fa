"""The outputs, one module each. They are found by listing this folder."""
