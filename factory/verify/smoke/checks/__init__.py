"""The checks themselves: a function passes by returning, and fails by raising."""
