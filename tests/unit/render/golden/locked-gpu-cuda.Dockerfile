# The CUDA 13.0 runtime from NVIDIA's own wheels: no package repository of theirs. Where torch is
# there, it has brought the runtime already, and the two share it.
FROM scratch AS packages

FROM factory.invalid/rllib:c0fd59353bcc
LABEL io.ray-image-factory.step="cuda"
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    --mount=type=bind,from=dockerfiles,source=locks/cuda/2.60.0-py311-gpu-rllib.txt,target=/run/factory/lock.txt \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress --no-deps --require-hashes --only-binary :all: --requirement /run/factory/lock.txt \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip freeze > /home/ray/pip-freeze.txt
USER 0
# Where people and the loader look for it. CUDA 13's wheels share one folder, those before have one each.
RUN --network=none library=$(find /home/ray/anaconda3/lib/python3.11/site-packages/nvidia -name 'libcudart.so.13') \
    && test -n "$library" \
    && dirname "$library" > /etc/ld.so.conf.d/000-cuda.conf \
    && ldconfig \
    && ln -s "$(dirname "$(dirname "$library")")" /usr/local/cuda
USER 1000
ENV CUDA_VERSION=13.0 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA="cuda>=13.0"
LABEL com.nvidia.volumes.needed="nvidia_driver" \
      com.nvidia.cuda.version="13.0" \
      io.ray-image-factory.nvidia-driver="580.65.06"
