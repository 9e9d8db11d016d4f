"""Making the prompts of a program better, capped and resumable, and saying what was gained."""
