# demo for 2.60.0-py311-cpu: stable layers first, the application's code last.
FROM scratch AS packages

FROM factory.invalid/runtime:5e0771e21116
LABEL io.ray-image-factory.step="app:demo"
ARG FACTORY_EPOCH="2026-11"
ENV PYTHONPATH=/home/ray/app
ADD --chown=1000:100 https://code.example/app.git#cccccccccccccccccccccccccccccccccccccccc:src /home/ray/app
RUN --network=none python -m compileall -q /home/ray/app
LABEL org.opencontainers.image.title="demo" \
      org.opencontainers.image.description="Fetched" \
      org.opencontainers.image.version="2.60.0-py311-cpu" \
      io.ray.ray-version="2.60.0" \
      io.ray.python-version="3.11" \
      io.ray.device="cpu"
