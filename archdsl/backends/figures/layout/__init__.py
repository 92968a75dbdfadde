"""Where the boxes of a graph stand, and how its lines run."""
