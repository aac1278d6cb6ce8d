"""Each module replaces one behaviour of the coordinator or of a worker."""
