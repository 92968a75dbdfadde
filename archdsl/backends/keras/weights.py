"""The function of an emitted file that takes weights over from PyTorch."""

from __future__ import annotations

LOADING = '''\
def load_torch(model: keras.Model, state) -> None:
    """Sets the weights of the network to those of a state dict of the PyTorch module that is compiled from the spec.

    Its entries have the names of the layers, with dots. Raises ValueError if a layer has none, or if some are left.
    """
    entries = {}
    for key, value in state.items():
        path, _, entry = key.rpartition(".")
        if entry != "num_batches_tracked":
            entries.setdefault(path.replace(".", "_"), []).append(ops.convert_to_numpy(value))
    for layer in model.layers:
        if layer.weights:
            found = entries.pop(layer.name, [])
            if len(found) != len(layer.weights):
                raise ValueError(f"{layer.name} has {len(layer.weights)} weights, the state dict has {len(found)}")
            layer.set_weights([arranged(layer, value) for value in found])
    if entries:
        raise ValueError(f"the network has no layers {', '.join(entries)}")


def arranged(layer, value):
    """A weight of PyTorch's in the order in which Keras has it: kernels have their channels last."""
    if isinstance(layer, layers.DepthwiseConv2D) and value.ndim == 4:
        kernels = value.reshape(-1, layer.depth_multiplier, *value.shape[2:])
        return kernels.transpose(2, 3, 0, 1)
    if isinstance(layer, layers.PReLU):
        return value.reshape(layer.alpha.shape)
    return value.T if value.ndim == 2 else value.transpose(2, 3, 1, 0) if value.ndim == 4 else value
'''
