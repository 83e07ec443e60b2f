# Ray 2.60.0 as the Ray project publishes it; its older images lack uv.
FROM scratch AS packages

FROM docker.io/rayproject/ray:2.60.0-py311-cpu@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    command -v uv > /dev/null || /home/ray/anaconda3/bin/python -m pip install --no-cache-dir uv==0.13.8
