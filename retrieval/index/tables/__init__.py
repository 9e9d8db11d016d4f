"""Tables of an index beside its passages and vectors: documents, their names and origins, and the values of their metadata."""
