# demo for 2.60.0-py311-cpu: stable layers first, the application's code last.
FROM scratch AS packages

# What only the install script needs stays in this stage.
FROM factory.invalid/runtime:5e0771e21116 AS builder
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
        gcc
RUN --network=none install --directory --owner=1000 --group=100 /out /out/root /out/wheels /source
USER 1000
WORKDIR /source
ADD --chown=1000:100 https://code.example/app.git#cccccccccccccccccccccccccccccccccccccccc:src /source
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    --mount=type=bind,source=install.sh,target=/run/factory/install.sh \
    --mount=type=secret,id=script-LICENCE,target=/run/secrets/LICENCE,uid=1000,required=true \
    DESTDIR=/out/root WHEELS=/out/wheels PIP_NO_CACHE_DIR=1 UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy \
    bash -euo pipefail /run/factory/install.sh \
    && tar --create --file /out/root.tar --directory /out/root .

FROM factory.invalid/runtime:5e0771e21116
LABEL io.ray-image-factory.step="app:demo"
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    --mount=type=bind,source=requirements.txt,target=/run/factory/requirements.txt \
    --mount=type=bind,from=builder,source=/out/wheels,target=/run/factory/wheels \
    find /run/factory/wheels -name '*.whl' -fprint /tmp/wheels.txt \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress --requirement /tmp/wheels.txt --requirement /run/factory/requirements.txt "ray==2.60.0" \
    && rm /tmp/wheels.txt
# No COPY, which would give folders that are there already another owner and mode.
USER 0
RUN --network=none --mount=type=bind,from=builder,source=/out,target=/run/factory/out \
    tar --extract --file /run/factory/out/root.tar --directory / --numeric-owner --no-overwrite-dir --keep-directory-symlink
USER 1000
ENV PYTHONPATH=/home/ray/app
ADD --chown=1000:100 https://code.example/app.git#cccccccccccccccccccccccccccccccccccccccc:src /home/ray/app
RUN --network=none python -m compileall -q /home/ray/app
LABEL org.opencontainers.image.title="demo" \
      org.opencontainers.image.description="Compiles" \
      org.opencontainers.image.version="2.60.0-py311-cpu" \
      io.ray.ray-version="2.60.0" \
      io.ray.python-version="3.11" \
      io.ray.device="cpu"
