"""What apps call: retrieve, ask the language model, check every citation of its answer."""
