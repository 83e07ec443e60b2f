# Prometheus from Debian's package, where its public image cannot be had: on top of an image that is there.
# apt is turned to this host's mirrors for the one RUN, as in the templates of dockerfiles/.
ARG PARENT
FROM ${PARENT}
USER 0
RUN --mount=type=tmpfs,target=/run/factory/apt \
    --mount=type=secret,id=apt,target=/run/factory/apt.sh,mode=0444 \
    --mount=type=secret,id=ca,target=/run/factory/ca.crt,mode=0444 \
    if [ -f /run/factory/apt.sh ]; then . /run/factory/apt.sh; fi \
    && apt-get update \
    && apt-get install --yes --no-install-recommends prometheus \
    && rm -rf /var/lib/apt/lists/*
USER 1000
