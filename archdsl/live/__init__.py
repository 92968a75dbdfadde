"""The live page: a spec is edited in the browser, and its figure, table and code follow (docs/serve.md)."""
