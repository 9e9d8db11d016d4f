"""Reading files of every kind as documents: one file for each kind, behind `Reader`."""
