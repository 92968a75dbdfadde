"""Reads ONNX models: `reader.read` is what `archdsl.readers` names.

In the order of use: `trimmed` leaves large numbers out of the file, `model` is what the file says as plain data,
`lowering` puts its operations in PyTorch's words (`calls`) by the tables of `layers`, `recurrent`, `arithmetic`,
`shapes` and `idioms`, with what `types`, `constants` and `computed` know of each value, and `modules` finds the blocks.
`archdsl.frontends.aten` does the rest.
"""
