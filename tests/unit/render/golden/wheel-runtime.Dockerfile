# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:7d8f315a95ee
LABEL io.ray-image-factory.step="runtime"
