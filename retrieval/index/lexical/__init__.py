"""The lexical stage: shared words, and those that a misspelt one was meant for."""
