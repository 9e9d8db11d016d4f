"""Documents read, cut into passages, and the words in them."""
