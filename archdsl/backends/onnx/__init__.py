"""Networks as ONNX: `draft.py` makes the nodes of a graph, and `file.py` the file."""
