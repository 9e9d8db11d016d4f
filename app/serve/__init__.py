"""The service over HTTP: programs, searches and rerankers for apps that ask over a network."""
