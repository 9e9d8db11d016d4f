"""One call of a program: its inputs, its steps, and driving them."""
