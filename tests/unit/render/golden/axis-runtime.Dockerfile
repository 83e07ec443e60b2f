# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:e2c64211f11d
