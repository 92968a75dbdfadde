"""Figures with axes: costs along the depth, growth, errors over costs."""
