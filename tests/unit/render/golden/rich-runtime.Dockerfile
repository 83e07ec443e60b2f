# What every image of the matrix gets on top of the base.
FROM factory.invalid/base:a56aa5ff5693
USER 0
RUN --mount=type=cache,id=factory-apt-archives,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=factory-apt-lists,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=secret,id=apt-sources,target=/etc/apt/sources.list,mode=0444 \
    --mount=type=secret,id=apt-conf,target=/etc/apt/apt.conf.d/00-factory-build,mode=0444 \
    --mount=type=secret,id=ca,target=/run/factory/ca.crt,mode=0444 \
    apt-get update \
    && apt-get install --yes --no-install-recommends \
        procps \
        libjemalloc2
USER 1000
