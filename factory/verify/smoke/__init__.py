"""What runs inside the head of a cluster that is being verified.

It is carried into the head at run time and is never part of an image. It uses the standard library
and the image's own Ray alone, and must run on Python 3.9 and later: hence no ``match``, no
``zip(strict=…)``, no slots. Only the modules under ``checks``, and ``session`` when it connects,
import Ray, so that the rest can be imported anywhere.
"""
