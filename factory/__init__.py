"""The factory: from one ``matrix.yaml`` to published Ray images that have been proven to work."""

import os
import sys

# Invoke turns bytecode off, lest a tasks.py leave files about. What it runs here is a program of
# some hundred modules: compiling them takes a quarter of a command that finds nothing to do.
sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
