"""What a person sees while work runs: a live table on a terminal, plain lines elsewhere, in a CI
with the details of failures folded.

Everything goes to standard error; standard output belongs to results.
"""

from factory.console.choose import Style, observer, style_of, width_of
from factory.console.plain import Plain, log_path

__all__ = ["Plain", "Style", "log_path", "observer", "style_of", "width_of"]
