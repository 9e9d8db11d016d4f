"""What the rows of a run come to: measures, checks, means and diagnoses."""
