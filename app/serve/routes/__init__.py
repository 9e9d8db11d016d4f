"""The routes, a file for each thing that can be asked for."""
