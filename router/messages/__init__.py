"""What is said: messages and notes as data, the templates that give them words, and previews."""
