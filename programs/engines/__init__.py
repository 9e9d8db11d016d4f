"""Language models: by name, through Ollama, and the engine that only quotes."""
