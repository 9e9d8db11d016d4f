"""What a language model is told and asked: passages, rules, and the form of its reply."""
