"""Running a gold set through retrieval or a program, row by row, into a folder."""
