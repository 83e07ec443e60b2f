"""The suite: every check by name, in the order in which they run.

``run`` names a function under ``checks`` as text, since only the interpreter that runs it should
pay for, and survive or not, the import of Ray.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .conditions import (
    everywhere,
    for_any_user,
    for_read_only,
    made_for_gpus,
    with_a_torch_of_its_own,
    with_data,
    with_gpu_workers,
    with_rllib,
    with_serve,
    without_torch,
)
from .protocol import Expected

CONTRACT, QUICK, FULL = LEVELS = ("contract", "quick", "full")
"""The suites, each with all of those before it. What is of the first needs no cluster."""

COLD = "coldstart"
"""A suite of its own, with nothing of the others."""

SUITES = (*LEVELS, COLD)


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
        connected: whether it needs a driver that is connected to the cluster, which there is
            from the second level on.
        own: whether it comes with the image.
        level: the first of ``LEVELS`` that it is part of, or ``COLD``.
        asked: of which images it is asked; of others it is not, and they lack nothing for it.
        on_gpu: whether it can only run where containers are given GPUs. Elsewhere it is left out,
            by the factory and never by the image, and the verdict says so.
        alone: whether it has a container to itself, which is started as the check needs it.
        asks: how often it may have the factory kill or start a worker, or stop its clock.
        mixed: whether each cluster of two images is asked, whatever its suite.
    """

    name: str
    proves: str
    limit: float
    run: str
    needs: tuple[str, ...] = ()
    connected: bool = True
    own: bool = False
    level: str = QUICK
    asked: Callable[[Expected], bool] = everywhere
    on_gpu: bool = False
    alone: bool = False
    asks: int = 0
    mixed: bool = False

    def function(self) -> Callable[[Expected], None]:
        """The function of a check that is not the image's own."""
        module, _, name = self.run.partition(":")
        found = importlib.import_module(f"{__package__}.checks.{module}")
        return cast("Callable[[Expected], None]", getattr(found, name))


_WORKING = ("nodes", "square")
"""What nothing else works without."""

SUITE = (
    Spec(
        name="user",
        proves="the image's user is not root, and can write to its home and read all of it",
        limit=120,
        run="contract:user",
        level=CONTRACT,
    ),
    Spec(
        name="programs",
        proves="`ray` and `python` are on PATH in a shell that reads no profile",
        limit=60,
        run="contract:programs",
        level=CONTRACT,
    ),
    Spec(
        name="no-token",
        proves="no token of Ray's is left in the image",
        limit=30,
        run="contract:no_token",
        level=CONTRACT,
    ),
    Spec(
        name="locale",
        proves="text is UTF-8 without anybody saying so",
        limit=30,
        run="contract:locale",
        level=CONTRACT,
    ),
    Spec(
        name="bytecode",
        proves="Ray is compiled, so that workers on small CPUs start fast",
        limit=60,
        run="contract:bytecode",
        level=CONTRACT,
    ),
    Spec(
        name="no-torch",
        proves="there is no torch in an image that does not ask for it",
        limit=60,
        run="contract:no_torch",
        level=CONTRACT,
        asked=without_torch,
    ),
    Spec(
        name="arbitrary-uid",
        proves="Ray starts as a user that the image does not know, in group 0, and runs a task",
        limit=240,
        run="start:arbitrary_uid",
        level=CONTRACT,
        asked=for_any_user,
        alone=True,
    ),
    Spec(
        name="read-only",
        proves="Ray starts on a read-only root, and runs a task",
        limit=240,
        run="start:read_only",
        level=CONTRACT,
        asked=for_read_only,
        alone=True,
    ),
    Spec(
        name="nodes",
        proves="every node has joined, each with an address of its own",
        limit=120,
        run="topology:nodes",
    ),
    Spec(
        name="square",
        proves="every node computes: a task pinned to it returns 0, 1, 4, 9",
        limit=120,
        run="topology:square",
        needs=("nodes",),
    ),
    Spec(
        name="versions",
        proves="Ray and Python agree to the patch level on all nodes, and are what was asked for",
        limit=120,
        run="versions:versions",
        needs=_WORKING,
    ),
    Spec(
        name="health",
        proves="what KubeRay probes answers `success`: the head's GCS, the raylet of every node",
        limit=60,
        run="health:health",
        needs=_WORKING,
    ),
    Spec(
        name="spread",
        proves="a placement group with STRICT_SPREAD takes every node",
        limit=120,
        run="topology:spread",
        needs=_WORKING,
    ),
    Spec(
        name="object-transfer",
        proves="64 MB made on one node arrive whole on another",
        limit=120,
        run="transfer:object_transfer",
        needs=_WORKING,
    ),
    Spec(
        name="actors",
        proves="an actor lives on every node and reports the node's address",
        limit=120,
        run="topology:actors",
        needs=_WORKING,
    ),
    Spec(
        name="jobs-api",
        proves="a job with a runtime_env succeeds, and none can be submitted without the cluster's "
        "token (Ray 2.52 and later)",
        limit=180,
        run="jobs:jobs_api",
        needs=_WORKING,
    ),
    Spec(
        name="head-rests",
        proves="where the head has no CPUs, work runs on workers, and on all of them",
        limit=120,
        run="topology:head_rests",
        needs=_WORKING,
    ),
    Spec(
        name="data",
        proves="Ray Data maps over the workers, and sums up by group to the last row",
        limit=240,
        run="data:data",
        needs=_WORKING,
        asked=with_data,
    ),
    Spec(
        name="serve",
        proves="Ray Serve answers HTTP from a replica on every worker",
        limit=300,
        run="serving:serve",
        needs=_WORKING,
        asked=with_serve,
    ),
    Spec(
        name="job-failure",
        proves="a job that fails says so, with its exit code",
        limit=180,
        level=FULL,
        run="jobs:job_failure",
        needs=_WORKING,
    ),
    Spec(
        name="object-store",
        proves="the object store is in shared memory, and gives back what it had to spill to disk",
        limit=240,
        level=FULL,
        run="store:object_store",
        needs=_WORKING,
    ),
    Spec(
        name="serialization",
        proves="cloudpickle, numpy, pyarrow, pandas, pydantic and torch are the same on all nodes, "
        "and objects of each arrive whole",
        limit=240,
        level=FULL,
        mixed=True,
        run="serialization:serialization",
        needs=_WORKING,
    ),
    Spec(
        name="ray-client",
        proves="a Ray Client runs a task and gets its result",
        limit=300,
        level=FULL,
        run="client:ray_client",
        needs=_WORKING,
        connected=False,
    ),
    Spec(
        name="dashboard",
        proves="the dashboard answers, and knows which Ray this is",
        limit=60,
        level=FULL,
        run="observe:dashboard",
        connected=False,
    ),
    Spec(
        name="metrics",
        proves="every node exports metrics, and Prometheus is told of every node",
        limit=240,
        level=FULL,
        run="observe:metrics",
        needs=_WORKING,
    ),
    Spec(
        name="state-api",
        proves="the state API lists the nodes, and a task that ran, with where and how it ended",
        limit=180,
        level=FULL,
        run="observe:state_api",
        needs=_WORKING,
    ),
    Spec(
        name="worker-loss",
        proves="a worker is killed in mid-task: the task is retried elsewhere, an actor comes "
        "back, the node is reported dead, and the one that takes its place gets work",
        limit=480,
        level=FULL,
        run="loss:worker_loss",
        asks=2,
        needs=_WORKING,
    ),
    Spec(
        name="torch-flavour",
        proves="torch can be imported on every node, and is the build for the image's CUDA, or for "
        "none; with CUDA, the runtime that it loads is the only one in the image",
        limit=180,
        run="flavour:torch_flavour",
        needs=_WORKING,
        asked=with_a_torch_of_its_own,
    ),
    Spec(
        name="rllib-ppo",
        proves="RLlib trains PPO, and takes its steps on the workers",
        limit=240,
        run="rllib:rllib_ppo",
        needs=(*_WORKING, "torch-flavour"),
        asked=with_rllib,
    ),
    Spec(
        name="rllib-checkpoint",
        proves="a checkpoint that one node saved is restored on another, to the same weights",
        limit=300,
        level=FULL,
        run="rllib:rllib_checkpoint",
        needs=(*_WORKING, "rllib-ppo"),
        asked=with_rllib,
    ),
    Spec(
        name="gpu-scheduling",
        proves="a task that asks for a GPU gets one, on a worker, and sees that one alone",
        limit=120,
        run="gpus:gpu_scheduling",
        needs=_WORKING,
        asked=with_gpu_workers,
    ),
    Spec(
        name="cuda-runtime",
        proves="every node can load CUDA's runtime, and it and the image's variables say the same",
        limit=60,
        run="cuda:cuda_runtime",
        needs=_WORKING,
        asked=made_for_gpus,
    ),
    Spec(
        name="cuda-device",
        proves="a task on each worker moves data to a GPU and back",
        limit=90,
        run="cuda:cuda_device",
        needs=(*_WORKING, "cuda-runtime"),
        asked=made_for_gpus,
        on_gpu=True,
    ),
    Spec(
        name="cold-start",
        proves="a worker joins and runs a task within its budget",
        limit=480,
        run="cold:full",
        level=COLD,
        asks=6,
    ),
    Spec(
        name="cold-start-throttled",
        proves="so does a worker with 0.2 CPU",
        limit=720,
        run="cold:throttled",
        level=COLD,
        asks=2,
        needs=("cold-start",),
    ),
)
