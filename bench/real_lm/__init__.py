"""The programs on small language models that really run, on this machine."""
