# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:680d2f7adaf2
LABEL io.ray-image-factory.step="runtime"
