"""One offline HTML page that shows an evaluation run: `data` is what it shows, `page` writes it."""
