"""Language models as judges, and how far they can be believed."""
