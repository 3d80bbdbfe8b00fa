"""From the definition files to the model: reading, YAML, validation, templates, and the places of mistakes."""
