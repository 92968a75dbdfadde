"""Writes the spec of a network that has none: an imported one, or a graph that was read from a file.

`spec_of` makes the text in these steps, each in a file of its own:

- `draft`: the graph is divided as a person would divide it; `outline` adds blocks that several networks need;
- `layout`: the flow of values in each region becomes chains, branches and names;
- `unify`: the texts of several uses of one class become one text;
- `numbers`: its numbers become parameters and formulas;
- `blocks`: does this for all classes, the innermost first;
- `sketch`: lays out the network as statements, which are its stages and what is between them;
- `variants`: says the statements of several networks as one;
- `settings`: their numbers become parameters of the network; `scaling` finds the factors of widths and depths;
- `spec`: writes the network and the blocks.
"""
