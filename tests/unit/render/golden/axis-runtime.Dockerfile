# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:ef4129db1567
