"""The shape of ``matrix.yaml`` and ``image.yaml``, as users write them.

Strict throughout: a number where a string belongs is refused, not converted, because YAML has
already changed it by then (``3.10`` is 3.1).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from factory.matrix.grammar import (
    AptPackage,
    AxisName,
    AxisValue,
    Epoch,
    Extra,
    Name,
    PythonVersion,
    RayVersion,
    RelativePath,
    Text,
    VariableName,
    VariableValue,
)

Device = Literal["cpu", "gpu"]
Severity = Literal["critical", "high", "medium", "low", "unknown"]
Scalar = str | bool


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class AxesSpec(BaseModel):
    """The dimensions that span the matrix; a key beyond the four named is an axis of your own."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Annotated[list[AxisValue], Field(min_length=1)]]

    python: list[PythonVersion] = Field(min_length=1, description="minor versions, quoted")
    ray: list[RayVersion] = Field(min_length=1, description="full versions")
    device: list[Device] = Field(["cpu"], min_length=1)
    rllib: list[bool] = Field([False], min_length=1)


class ExcludeSpec(_Strict):
    """Cells to leave out: those that match every axis in ``where``."""

    where: dict[str, Scalar | list[Scalar]] = Field(min_length=1)
    reason: Text = Field(description="shown by `invoke matrix`")


class PackagesSpec(_Strict):
    """How a base is made from packages."""

    extras: list[Extra] = Field(["default"], min_length=1, description="extras of Ray's")
    wheel: RelativePath | None = Field(None, description="a Ray wheel of your own, in this tree")


class BaseSpec(_Strict):
    """Where the base comes from."""

    source: Literal["packages"] = Field("packages", description="from Debian and PyPI packages")
    epoch: Epoch = Field(description="change it to take Debian's current packages")
    packages: PackagesSpec = PackagesSpec()


class RuntimeSpec(_Strict):
    """What every image gets on top of the base."""

    apt: list[AptPackage] = []


class TargetSpec(_Strict):
    """A place to publish."""

    kind: Literal["local"] = Field(description="a registry on this machine, started when needed")
    accept: list[Text] = Field([], description="partial verdicts that may still be published here")


class ScanSpec(_Strict):
    """What the scan gate refuses; secrets always are."""

    vulnerabilities: list[Severity] = ["critical"]
    misconfigurations: list[Severity] = ["critical", "high"]
    ignore_unfixed: bool = True


class PolicySpec(_Strict):
    """What the gates ask for."""

    scan: ScanSpec = ScanSpec()


class VerifySpec(_Strict):
    """The cluster that each image is booted as."""

    workers: int = Field(2, ge=1, le=8, description="workers beside the head")


class MatrixSpec(_Strict):
    """``matrix.yaml``: the only place where cells are defined."""

    axes: AxesSpec
    exclude: list[ExcludeSpec] = []
    include: list[dict[AxisName, Scalar]] = []
    latest: dict[str, Scalar] | None = Field(None, description="the cell that `latest` names")
    images: list[Name] | None = Field(None, min_length=1, description="all of images/ if left out")
    base: BaseSpec
    runtime: RuntimeSpec = RuntimeSpec()
    targets: dict[Name, TargetSpec] = Field(min_length=1)
    policy: PolicySpec = PolicySpec()
    verify: VerifySpec = VerifySpec()


class OverrideSpec(_Strict):
    """What differs in the cells that match every axis in ``when``."""

    when: dict[str, Scalar] = Field(min_length=1)
    requirements: RelativePath | None = None
    apt: list[AptPackage] = []
    env: dict[VariableName, VariableValue] = {}


class ImageSpec(_Strict):
    """``images/<name>/image.yaml``: one application image."""

    description: Text
    source: RelativePath = Field("app", description="the folder that becomes /home/ray/app")
    requirements: RelativePath | None = Field(None, description="a pip requirements file")
    apt: list[AptPackage] = []
    env: dict[VariableName, VariableValue] = {}
    checks: RelativePath | None = Field(None, description="smoke checks of its own, in Python")
    overrides: list[OverrideSpec] = []


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema for editors; ``name`` is ``matrix`` or ``image``."""
    models: dict[str, type[BaseModel]] = {"matrix": MatrixSpec, "image": ImageSpec}
    model = models[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
