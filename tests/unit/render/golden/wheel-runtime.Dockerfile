# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:3c3697f363d4
