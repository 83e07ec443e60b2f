"""What is broken on purpose, and which check is meant to catch it. Data, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from factory.model import Budget, Contract

SITE = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
_OWN = """
import os
import signal
import time

LIMITS = {"check_hangs": 5}
def check_hangs():
    time.sleep(3600)
def check_raises():
    raise RuntimeError("the model is empty")
def check_kills():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """An image that must not pass.

    Attributes:
        planted: what is wrong, in words.
        caught_by: the checks that must say so, and no others may.
        lines: of a Dockerfile, on a good image.
        on: whether all nodes have that image, or ``worker``s alone.
        worker: in place of ``lines``: the good image that workers have: ``other ray``, ``other
            python``, or one of ``patched.NAMES``.
        expecting: what the cell is said to be, where it is not what the image is.
        torch: whether the image is said to ask for torch.
        needs, promises: what the image is said to rely on, and to be fit for.
        driver: the oldest NVIDIA driver that its label is said to name.
        own: a file of the image's own checks.
        sizes: variables of the cluster's definition, by name.
        budget: what workers may take to start.
        suite: the first that has the check.
        says: a word of the reason, or of the detail.
    """

    planted: str
    caught_by: tuple[str, ...]
    says: str
    lines: str = ""
    on: str = "all"
    worker: str = ""
    expecting: Mapping[str, str | bool] = field(default_factory=dict)
    torch: bool = False
    needs: tuple[str, ...] = ()
    promises: Contract = field(default_factory=Contract)
    driver: str | None = None
    own: str = ""
    sizes: Mapping[str, str] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    suite: str = "quick"


_CONTRACT = (
    Control(
        planted="an ENTRYPOINT that swallows its arguments",
        lines='ENTRYPOINT ["ray", "--version"]',
        caught_by=("launch",),
        says="ENTRYPOINT",
    ),
    Control(
        planted="an ENTRYPOINT that is not there",
        lines='ENTRYPOINT ["/entry.sh"]',
        caught_by=("launch",),
        says="/entry.sh",
    ),
    Control(
        planted="no bash",
        lines='USER 0\nRUN ["rm", "-f", "/bin/bash", "/usr/bin/bash"]\nUSER 1000',
        caught_by=("launch",),
        says="no `bash`",
    ),
    Control(
        planted="no `ray` on PATH",
        lines="RUN mv $(which ray) /home/ray/ray",
        caught_by=("programs",),
        says="`ray`",
    ),
    Control(planted="root as user", lines="USER 0", caught_by=("user",), says="root"),
    Control(
        planted="a file in home that only root can read",
        lines="USER 0\nRUN install -m 600 /dev/null /home/ray/app/model.bin\nUSER 1000",
        caught_by=("user",),
        says="/home/ray/app/model.bin",
    ),
    Control(
        planted="a home that the user cannot write to",
        lines="USER 0\nRUN chown root /home/ray && chmod 755 /home/ray\nUSER 1000",
        caught_by=("user",),
        says="not writable",
    ),
    Control(
        planted="a token of Ray's, left by `ray.init()` in a build",
        lines="RUN mkdir ~/.ray && echo 0123456789abcdef >~/.ray/auth_token",
        caught_by=("no-token",),
        says="auth_token",
    ),
    Control(
        planted="a locale that is not installed",
        lines="ENV LC_ALL=de_DE.ISO-8859-1",
        caught_by=("locale",),
        says="de_DE.ISO-8859-1",
    ),
    Control(
        planted="stripped `.pyc` files",
        lines=f"RUN find {SITE}/ray -name '*.pyc' -delete",
        caught_by=("bytecode",),
        says="is not compiled",
    ),
    Control(
        planted="torch, in a cell without RLlib, that nobody asked for",
        lines=f"RUN mkdir {SITE}/torch && touch {SITE}/torch/__init__.py",
        caught_by=("no-torch",),
        says="/torch",
    ),
    Control(
        planted="a home that only its user can enter, of an image that promises to run as any",
        lines="RUN chmod 700 /home/ray",
        promises=Contract(arbitrary_uid=True),
        caught_by=("arbitrary-uid",),
        says="python",
    ),
    Control(
        planted="a `ray` that writes to its home, of an image that promises to do without",
        lines="RUN mv $(which ray) /home/ray/ray && printf '#!/bin/bash\\n"
        'touch /home/ray/started || exit 1\\nexec /home/ray/ray "$@"\\n\''
        " >/home/ray/anaconda3/bin/ray && chmod +x /home/ray/anaconda3/bin/ray",
        promises=Contract(read_only=True),
        caught_by=("read-only",),
        says="exit code 1",
    ),
    Control(
        planted="a label that names another driver than its CUDA needs",
        lines='LABEL com.nvidia.cuda.version="13.0" io.ray-image-factory.nvidia-driver="535.54.03"',
        expecting={"device": "gpu"},
        driver="580.65.06",
        caught_by=("driver-floor",),
        says="535.54.03",
    ),
)

_CLUSTER = (
    Control(
        planted="a worker with another Ray",
        worker="other ray",
        caught_by=("boot",),
        says="Version mismatch",
    ),
    Control(
        planted="a worker with another Python",
        worker="other python",
        caught_by=("boot",),
        says="Version mismatch",
    ),
    Control(
        planted="a worker with another patch of the same Python",
        worker="other patch",
        caught_by=("boot",),
        says="Version mismatch",
    ),
    Control(
        planted="a worker with another patch of the same Python, which Ray is told to let in",
        worker="other patch, let in",
        caught_by=("versions",),
        says="the nodes differ",
    ),
    Control(
        planted="another Ray than the cell's",
        expecting={"ray": "2.0.0"},
        caught_by=("versions",),
        says="not 2.0.0",
    ),
    Control(
        planted="`ray start` that dies",
        lines="RUN printf '#!/bin/bash\\necho no licence >&2\\nexit 9\\n' >$(which ray)",
        caught_by=("boot",),
        says="no licence",
    ),
    Control(
        planted="a dashboard that cannot start",
        lines=f"RUN echo 'raise ImportError(\"no aiohttp\")' >{SITE}/ray/dashboard/dashboard.py",
        caught_by=("boot",),
        says="8265",
    ),
    Control(
        planted="an import that ends every worker process",
        lines='RUN echo \'import os, sys; "default_worker.py" in str(sys.orig_argv) '
        "and os._exit(9)'"
        f" >{SITE}/at_start.pth",
        on="worker",
        caught_by=("square",),
        says="did not end",
    ),
    Control(
        planted="a head that takes work",
        sizes={"HEAD_CPUS": "1"},
        caught_by=("head-rests",),
        says="are on the head",
    ),
    Control(
        planted="a job that hangs",
        lines='RUN echo \'import os, time; "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ '
        "and time.sleep(3600)'"
        f" >{SITE}/at_start.pth",
        caught_by=("jobs-api",),
        says="still",
    ),
    Control(
        planted="a raylet that answers probes with another word",
        lines=f"RUN grep -rl local_raylet_healthz {SITE}/ray/dashboard --include=*.py"
        " | xargs sed -i 's/success/fine/g'",
        caught_by=("health",),
        says="local_raylet_healthz",
    ),
    Control(
        planted="no pyarrow, in an image that needs Ray Data",
        lines=f"RUN rm -r {SITE}/pyarrow {SITE}/pyarrow-*",
        needs=("data",),
        caught_by=("data",),
        says="pyarrow",
    ),
    Control(
        planted="no `ray[serve]`, in an image that needs Ray Serve",
        needs=("serve",),
        caught_by=("serve",),
        says="ray[serve]",
    ),
    Control(
        planted="a variable by which tasks see GPUs that they were not given",
        lines="ENV RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES=1",
        expecting={"device": "gpu"},
        caught_by=("gpu-scheduling", "cuda-runtime"),
        says="CUDA_VISIBLE_DEVICES",
    ),
    Control(
        planted="no torch, in a cell with RLlib",
        expecting={"rllib": True},
        caught_by=("torch-flavour",),
        says="torch",
    ),
    Control(
        planted="torch for CPUs, in an image for GPUs that asks for torch",
        lines=f"RUN mkdir {SITE}/torch && printf '%s\\n' \"__version__ = '2.13.0+cpu'\""
        f" 'class version: cuda = None' >{SITE}/torch/__init__.py",
        expecting={"device": "gpu"},
        torch=True,
        caught_by=("torch-flavour", "cuda-runtime"),
        says="built for no CUDA",
    ),
    Control(
        planted="no CUDA, in a cell for GPUs",
        expecting={"device": "gpu"},
        caught_by=("cuda-runtime",),
        says="libcudart",
    ),
    Control(
        planted="checks of its own that hang, raise, and kill their interpreter",
        own=_OWN,
        caught_by=("own:hangs", "own:raises", "own:kills"),
        says="did not end",
    ),
)

CONTROLS = (*_CONTRACT, *_CLUSTER)
