"""Tasks with a dot in their names, by what is before it. They parse, call and print."""
