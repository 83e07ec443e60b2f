# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:5273f7dfb0a7
LABEL io.ray-image-factory.step="runtime"
