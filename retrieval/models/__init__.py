"""The models that embed and rerank, by profile, and what makes them fast."""
