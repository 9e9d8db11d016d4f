"""Where documents come from: files and folders, BEIR corpora, and what other libraries hand over."""
