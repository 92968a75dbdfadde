"""Passes: functions from a graph to an equal or simpler graph. Each is in a file of its own name."""
