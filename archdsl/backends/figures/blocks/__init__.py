"""Forms of their own for some blocks: dense blocks, hourglasses, cells, blocks inside themselves."""
