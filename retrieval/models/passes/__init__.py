"""Forward passes over texts of different lengths: without padding where the network allows it."""
