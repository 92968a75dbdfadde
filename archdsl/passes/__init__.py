"""Passes: a graph in, an equal or a simpler graph out. One a file, with a function of the file's name."""
