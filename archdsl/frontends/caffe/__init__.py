"""Reads networks from the files of Caffe (Jia et al. 2014), which end in `.prototxt`.

- `message`: the text as messages, which hold fields with their places;
- `network`: which layers there are in deployment, and whose values each takes;
- `layers`: what each type of layer computes, one function for each, in `LAYERS`;
- `read`: the layers in their order, and the graph.
"""
