"""A language server: what editors show of specs while they are written, by the protocol that most editors speak."""
