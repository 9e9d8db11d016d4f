"""Word documents: what Word shows of them, as Markdown."""
