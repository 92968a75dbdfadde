"""Writes the spec of a network that has none: an imported one, or a graph that was read from a file.

`spec_of` makes the text in these steps, each in a file of its own:

- `draft`: the graph is divided as a person would divide it;
- `layout`: the flow of values in each region becomes chains, branches and names;
- `unify`: the texts of several uses of one class become one text;
- `numbers`: its numbers become parameters and formulas;
- `blocks`: does this for all classes, the innermost first;
- `spec`: writes the network around them.
"""
