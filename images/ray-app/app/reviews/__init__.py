"""Product reviews in, one line per product out: a batch job on Ray Data.

Run it with ``python -m reviews --help``.
"""
