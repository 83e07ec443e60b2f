# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:6a2ef75a0289
