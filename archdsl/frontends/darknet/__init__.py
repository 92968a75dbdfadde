"""Reads networks from the configurations of darknet (Redmon 2013 to 2018, and Bochkovskiy's continuation of it).

- `sections`: the text as sections with options;
- `layers`: what each kind of section computes, one function for each;
- `read`: the sections in their order, and the graph.
"""
