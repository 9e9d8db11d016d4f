"""What people say of answers, kept as drafts for a gold set."""
