"""Made-up input for everything that the factory reads: no traceback, no injection, no hang."""
