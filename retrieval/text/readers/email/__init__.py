"""E-mail: messages, and mbox files of them."""
