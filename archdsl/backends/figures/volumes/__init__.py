"""Tensors as oblique boxes."""
