"""Commands that run the service for apps and agents, and its keys."""
