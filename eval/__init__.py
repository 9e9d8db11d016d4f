"""Gold sets, metrics and reports: how good retrieval and answers are, and where they lose."""
