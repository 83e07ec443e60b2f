# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:bb94bb942c8f
