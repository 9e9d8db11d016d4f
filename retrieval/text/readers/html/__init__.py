"""Pages of the web and books made of them, as Markdown."""
