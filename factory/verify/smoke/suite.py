"""The suite: every check by name, in the order in which they run.

``run`` names a function under ``checks`` as text, since only the interpreter that runs it should
pay for, and survive or not, the import of Ray.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .protocol import Expected


def everywhere(_: Expected) -> bool:
    """Of every image."""
    return True


def with_rllib(expected: Expected) -> bool:
    """Of images with RLlib."""
    return expected.rllib


def made_for_gpus(expected: Expected) -> bool:
    """Of images for GPUs, wherever they are verified."""
    return expected.device == "gpu"


@dataclass(frozen=True)
class Spec:
    """A check as the suite knows it.

    Attributes:
        name: stable and typable.
        proves: what users can rely on when it passes.
        limit: seconds after which it has failed.
        run: ``module:function`` under ``checks``; for a check of the image's own, the file's
            origin and the function.
        needs: the checks without whose pass this one would only repeat their failure.
        connected: whether it needs a driver that is connected to the cluster.
        own: whether it comes with the image.
        asked: of which images it is asked; of others it is not, and they lack nothing for it.
        on_gpu: whether it can only run where containers are given GPUs. Elsewhere it is left out,
            by the factory and never by the image, and the verdict says so.
    """

    name: str
    proves: str
    limit: float
    run: str
    needs: tuple[str, ...] = ()
    connected: bool = True
    own: bool = False
    asked: Callable[[Expected], bool] = everywhere
    on_gpu: bool = False

    def function(self) -> Callable[[Expected], None]:
        """The function of a check that is not the image's own."""
        module, _, name = self.run.partition(":")
        found = importlib.import_module(f"{__package__}.checks.{module}")
        return cast("Callable[[Expected], None]", getattr(found, name))


SUITE = (
    Spec(
        name="contract",
        proves="what launchers ask of a Ray image: bash and ray on PATH, a home of its own, "
        "no token left inside",
        limit=15,
        run="contract:contract",
        connected=False,
    ),
    Spec(
        name="nodes",
        proves="every node has joined, each with an address of its own",
        limit=60,
        run="topology:nodes",
    ),
    Spec(
        name="versions",
        proves="Ray and Python agree to the patch level on all nodes, and are what was asked for",
        limit=60,
        run="versions:versions",
    ),
    Spec(
        name="square",
        proves="every node computes: a task pinned to it returns 0, 1, 4, 9",
        limit=60,
        run="topology:square",
        needs=("nodes",),
    ),
    Spec(
        name="spread",
        proves="a placement group with STRICT_SPREAD takes every node",
        limit=60,
        run="topology:spread",
        needs=("nodes",),
    ),
    Spec(
        name="object-transfer",
        proves="64 MB made on one node arrive whole on another",
        limit=60,
        run="transfer:object_transfer",
        needs=("nodes",),
    ),
    Spec(
        name="actors",
        proves="an actor lives on every node and reports the node's address",
        limit=60,
        run="topology:actors",
        needs=("nodes",),
    ),
    Spec(
        name="jobs-api",
        proves="a job succeeds, a job that fails says so, with its exit code, and neither can be "
        "submitted without the cluster's token (Ray 2.52 and later)",
        limit=90,
        run="jobs:jobs_api",
        needs=("nodes",),
    ),
    Spec(
        name="head-rests",
        proves="where the head has no CPUs, work runs on workers, and on all of them",
        limit=60,
        run="topology:head_rests",
        needs=("nodes",),
    ),
    Spec(
        name="object-store",
        proves="the object store is in shared memory, and gives back what it had to spill to disk",
        limit=90,
        run="store:object_store",
        needs=("nodes",),
    ),
    Spec(
        name="serialization",
        proves="cloudpickle, numpy, pyarrow, pandas, pydantic and torch are the same on all nodes, "
        "and objects of each arrive whole",
        limit=120,
        run="serialization:serialization",
        needs=("nodes",),
    ),
    Spec(
        name="ray-client",
        proves="a Ray Client runs a task and gets its result",
        limit=90,
        run="client:ray_client",
        needs=("nodes",),
        connected=False,
    ),
    Spec(
        name="dashboard",
        proves="the dashboard answers, and knows which Ray this is",
        limit=30,
        run="observe:dashboard",
        connected=False,
    ),
    Spec(
        name="metrics",
        proves="every node exports metrics, and Prometheus is told of every node",
        limit=60,
        run="observe:metrics",
        needs=("nodes",),
    ),
    Spec(
        name="state-api",
        proves="the state API lists the nodes, and a task that ran, with where and how it ended",
        limit=60,
        run="observe:state_api",
        needs=("nodes",),
    ),
    Spec(
        name="worker-loss",
        proves="a worker is killed in mid-task: the task is retried elsewhere, an actor comes "
        "back, the node is reported dead, and the one that takes its place gets work",
        limit=240,
        run="loss:worker_loss",
        needs=("nodes",),
    ),
    Spec(
        name="torch-flavour",
        proves="torch can be imported on every node, and is the build for the image's CUDA, or for "
        "none; with CUDA, the runtime that it loads is the only one in the image",
        limit=180,
        run="flavour:torch_flavour",
        needs=("nodes",),
        asked=with_rllib,
    ),
    Spec(
        name="rllib-ppo",
        proves="RLlib trains PPO, and takes its steps on the workers",
        limit=240,
        run="rllib:rllib_ppo",
        needs=("nodes", "torch-flavour"),
        asked=with_rllib,
    ),
    Spec(
        name="cuda-runtime",
        proves="every node can load CUDA's runtime, and it and the image's variables say the same",
        limit=60,
        run="cuda:cuda_runtime",
        needs=("nodes",),
        asked=made_for_gpus,
    ),
    Spec(
        name="cuda-device",
        proves="a task on each worker moves data to a GPU and back",
        limit=90,
        run="cuda:cuda_device",
        needs=("nodes", "cuda-runtime"),
        asked=made_for_gpus,
        on_gpu=True,
    ),
)
