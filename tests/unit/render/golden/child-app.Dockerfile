# kid for 2.55.1-py311-cpu: stable layers first, the application's code last.
FROM scratch AS packages

FROM factory.invalid/demo:884927d75c40
LABEL io.ray-image-factory.step="app:kid"
LABEL org.opencontainers.image.title="kid" \
      org.opencontainers.image.description="More" \
      org.opencontainers.image.version="2.55.1-py311-cpu" \
      io.ray.ray-version="2.55.1" \
      io.ray.python-version="3.11" \
      io.ray.device="cpu"
