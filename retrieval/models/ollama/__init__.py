"""nomic-embed-text through an Ollama server, and calls of its client that end in time or in a typed error."""
