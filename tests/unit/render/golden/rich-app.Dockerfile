# demo for 2.60.0-py311-cpu: stable layers first, the application's code last.
FROM scratch AS packages

FROM factory.invalid/runtime:93e5d65df69e
LABEL io.ray-image-factory.step="app:demo"
ARG FACTORY_EPOCH="2026-11"
USER 0
RUN --mount=type=cache,id=factory-apt-archives-3.11,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=factory-apt-lists-3.11,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=tmpfs,target=/run/factory/apt \
    --mount=type=secret,id=apt,target=/run/factory/apt.sh,mode=0444 \
    --mount=type=secret,id=ca,target=/run/factory/ca.crt,mode=0444 \
    if [ -f /run/factory/apt.sh ]; then . /run/factory/apt.sh; fi \
    && apt-get update \
    && apt-get install --yes --no-install-recommends \
        git \
        g++=4:12.2.0-3
USER 1000
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    --mount=type=bind,source=requirements.txt,target=/run/factory/requirements.txt \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress --requirement /run/factory/requirements.txt "ray==2.60.0"
ENV PYTHONPATH=/home/ray/app
ENV OMP_NUM_THREADS="1"
ENV PATHS="/a:/b"
ENV MESSAGE="two words"
COPY --chown=1000:100 app /home/ray/app
RUN --network=none python -m compileall -q /home/ray/app
LABEL org.opencontainers.image.title="demo" \
      org.opencontainers.image.description="Adds numbers" \
      org.opencontainers.image.version="2.60.0-py311-cpu" \
      io.ray.ray-version="2.60.0" \
      io.ray.python-version="3.11" \
      io.ray.device="cpu"
