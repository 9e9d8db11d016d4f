"""PDF files: from the letters of their pages to Markdown."""
