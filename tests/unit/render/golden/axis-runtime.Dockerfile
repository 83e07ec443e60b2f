# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:c7de2b154669
LABEL io.ray-image-factory.step="runtime"
