# Ray 2.60.0 as the Ray project publishes it; its older images lack uv.
FROM scratch AS packages

FROM docker.io/rayproject/ray:2.60.0-py311-cu130@sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee
LABEL io.ray-image-factory.step="base"
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    if ! command -v uv > /dev/null; then \
    echo 'uv==0.13.8 --hash=sha256:e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984' > /tmp/uv.txt \
    && /home/ray/anaconda3/bin/python -m pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/uv.txt \
    && rm /tmp/uv.txt; fi
