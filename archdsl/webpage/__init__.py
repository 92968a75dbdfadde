"""One HTML file of a network: its figure, which can be opened box by box, what each part costs, and the table."""
