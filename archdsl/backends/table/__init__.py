"""Tables of a network's costs."""
