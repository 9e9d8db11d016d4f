"""Rerankers and embedders on servers that others run: TEI, vLLM, infinity, llama.cpp, Cohere, Jina, OpenAI."""
