# RLlib with torch 2.13.0+cpu, whose flavour is that of the device: cpu.
FROM scratch AS packages

FROM factory.invalid/runtime:5e0771e21116
LABEL io.ray-image-factory.step="rllib"
ARG FACTORY_EPOCH="2026-11"
RUN --mount=type=cache,id=factory-uv,target=/var/cache/uv,uid=1000,gid=100 \
    --mount=type=secret,id=uv,target=/etc/uv/uv.toml,mode=0444 \
    --mount=type=secret,id=pip,target=/etc/pip.conf,mode=0444 \
    --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt,mode=0444 \
    --mount=type=bind,from=packages,target=/run/factory/packages \
    UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress --no-deps --no-config --native-tls --default-index https://wheels.example/cpu "torch==2.13.0+cpu" \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip install --no-progress "ray[rllib]==2.60.0" "torch==2.13.0+cpu" \
    && UV_CACHE_DIR=/var/cache/uv UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON=/home/ray/anaconda3/bin/python uv pip freeze > /home/ray/pip-freeze.txt
RUN --network=none python -c 'import sys, torch; found, wanted = str(torch.version.cuda), "None"; sys.exit(0 if found == wanted else f"torch {torch.__version__} is built for CUDA {found}, and this cell wants {wanted}")'
