"""Keras 3: a graph as functions that call layers."""
