"""What is asked of the language model: one file per task. No I/O, and no knowledge of retrieval."""
