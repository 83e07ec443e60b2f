# A stand-in for rayproject/ray:2.60.0 made from Debian and PyPI packages: the same user,
# paths, labels and entry behaviour.
FROM scratch AS packages

FROM scratch AS drop-in
ARG FACTORY_EPOCH="2026-11"
ADD rootfs.tar /
ENV LANG=C.UTF-8 LC_ALL=C.UTF-8 TZ=Etc/UTC
RUN --mount=type=cache,id=factory-apt-archives-3.11,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=factory-apt-lists-3.11,target=/var/lib/apt/lists,sharing=locked \
    --mount=type=tmpfs,target=/run/factory/apt \
    --mount=type=secret,id=apt,target=/run/factory/apt.sh,mode=0444 \
    --mount=type=secret,id=ca,target=/run/factory/ca.crt,mode=0444 \
    if [ -f /run/factory/apt.sh ]; then . /run/factory/apt.sh; fi \
    && apt-get update \
    && apt-get install --yes --no-install-recommends \
        bash \
        netbase \
        openssh-client \
        python3 \
        python3-venv \
        rsync \
        sudo \
        tzdata \
        wget
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    python3 -m venv /run/installer \
    && echo 'uv==0.13.8 --hash=sha256:e18a57b8b352eb7c8feb317b9f6f533c8f0ad9673fd6cf34bbe3cf1a9f6a8984' > /run/installer/uv.txt \
    && /run/installer/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement /run/installer/uv.txt \
    && install --mode=0755 /run/installer/bin/uv /usr/local/bin/uv \
    && rm -r /run/installer
RUN --network=none useradd --create-home --shell /bin/bash --uid 1000 --gid 100 ray \
    && echo 'ray ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ray \
    && chmod 0440 /etc/sudoers.d/ray \
    && echo "PATH=/home/ray/anaconda3/bin:\$PATH" > /etc/profile.d/ray.sh
USER 1000
ENV HOME=/home/ray PATH=/home/ray/anaconda3/bin:$PATH VIRTUAL_ENV=/home/ray/anaconda3
WORKDIR /home/ray
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv venv --no-progress --seed --python /usr/bin/python3 /home/ray/anaconda3 \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress "ray[default,serve]==2.60.0" \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip freeze > /home/ray/pip-freeze.txt \
    && grep -v ' @ ' /home/ray/pip-freeze.txt > /home/ray/requirements_compiled.txt

# What can only be known once Ray is installed; the factory reads it and makes labels of it.
FROM drop-in AS look
ARG FACTORY_EPOCH="2026-11"
RUN --network=none python -c 'import ray; print(ray.__commit__, end="")' > /home/ray/ray-commit
FROM scratch AS facts
COPY --from=look /home/ray/ray-commit /

FROM drop-in
LABEL io.ray-image-factory.step="base"
LABEL io.ray.ray-version=2.60.0
CMD ["bash"]
