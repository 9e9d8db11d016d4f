"""What the shapes of other services share: Cohere's, TEI's, Jina's and OpenAI's."""
