# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:69dac204bf3d
LABEL io.ray-image-factory.step="runtime"
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
        procps \
        libjemalloc2
USER 1000
