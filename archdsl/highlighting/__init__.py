"""Which words and signs of a spec an editor or a document colours, and how: one table, written in two forms."""
