"""The MCP server: searches, passages and answers for agents, which only read."""
