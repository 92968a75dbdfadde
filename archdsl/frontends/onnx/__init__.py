"""Reads ONNX models: `reader.read` is what `archdsl.readers` names.

In the order of use: `bytes` leaves large numbers out of the file, `model` is what the file says as plain data, `calls`
puts its operations in PyTorch's words by the tables of `layers`, `recurrent`, `arithmetic`, `shapes` and `idioms`, with
what `types` and `constants` know of each value, and `modules` finds the blocks. `archdsl.frontends.aten` does the rest.
"""
