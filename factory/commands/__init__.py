"""Commands of rooms that have many: tasks that ``tasks.py`` takes into its namespace."""
