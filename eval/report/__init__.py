"""One offline HTML page that shows an evaluation run: `metrics.records` is what it shows, `page` writes it."""
