# demo for 2.60.0-py311-cpu: stable layers first, the application's code last.
FROM scratch AS packages

FROM factory.invalid/runtime:d1fe31f00675
LABEL io.ray-image-factory.step="app:demo"
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    --mount=type=bind,source=requirements.txt,target=/run/factory/requirements.txt \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress --requirement /run/factory/requirements.txt "ray==2.60.0"
ENV PYTHONPATH=/home/ray/app
COPY --chown=1000:100 app /home/ray/app
RUN --network=none python -m compileall -q /home/ray/app
LABEL org.opencontainers.image.title="demo" \
      org.opencontainers.image.description="Adds numbers" \
      org.opencontainers.image.version="2.60.0-py311-cpu" \
      io.ray.ray-version="2.60.0" \
      io.ray.python-version="3.11" \
      io.ray.device="cpu"
