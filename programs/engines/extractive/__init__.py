"""A language-model engine that quotes the passages in its prompt and generates nothing."""
