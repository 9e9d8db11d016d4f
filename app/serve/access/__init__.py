"""Who may ask the service for what, and how much: keys, their scopes, rates and budgets."""
