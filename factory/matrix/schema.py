"""The shape of ``matrix.yaml`` and ``image.yaml``, as users write them.

Strict throughout: a number where a string belongs is refused, not converted, because YAML has
already changed it by then (``3.10`` is 3.1).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from factory.matrix.grammar import (
    AbsolutePath,
    Account,
    Address,
    AptPackage,
    AxisName,
    AxisValue,
    CudaRelease,
    Day,
    Epoch,
    Extra,
    FindingId,
    GitRef,
    GitUrl,
    Glob,
    IndexUrl,
    KeyPlace,
    KmsKey,
    Mirror,
    Name,
    Namespace,
    Package,
    Prefix,
    PythonVersion,
    RayVersion,
    Region,
    RelativePath,
    TagFilter,
    Template,
    Text,
    TorchVersion,
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

    source: Literal["registry", "packages", "auto"] = Field(
        "auto",
        description="rayproject/ray itself, a stand-in made from Debian and PyPI packages, or the "
        "first of the two that this machine can reach",
    )
    mirror: Mirror | None = Field(None, description="where rayproject/ray is, if not Docker Hub")
    epoch: Epoch = Field(description="change it to take Debian's current packages")
    packages: PackagesSpec = PackagesSpec()


class TorchSpec(_Strict):
    """Which torch RLlib gets; by default from the package sources of this host."""

    version: TorchVersion = Field(description="with its flavour, such as 2.13.0+cpu")
    index: IndexUrl | None = Field(None, description="a Python index that has this flavour")
    find_links: RelativePath | None = Field(None, description="a folder with its wheels")


class CpuSpec(_Strict):
    """What `device: cpu` means."""

    torch: TorchSpec | None = None


class GpuSpec(_Strict):
    """What `device: gpu` means."""

    cuda: CudaRelease = Field(description="such as cuda130")
    torch: TorchSpec | None = None


class DevicesSpec(_Strict):
    """What the values of the device axis mean."""

    cpu: CpuSpec = CpuSpec()
    gpu: GpuSpec | None = None


class RuntimeSpec(_Strict):
    """What every image gets on top of the base."""

    apt: list[AptPackage] = []


class ExemptionSpec(_Strict):
    """A finding that is accepted until a day, by somebody who says why."""

    id: FindingId = Field(description="of the vulnerability or the rule, such as CVE-2026-1234")
    reason: Text = Field(description="shown wherever the finding is")
    until: Day = Field(description='the last day on which it holds, quoted, such as "2027-01-31"')
    package: Package | None = Field(None, description="only in this package")
    images: list[Glob] | None = Field(
        None, min_length=1, description="only in images that match one of these globs"
    )


class SizeSpec(_Strict):
    """How large an image may be; of several the last that fits a build holds."""

    mebibytes: int = Field(ge=1, le=1_000_000, description="of all layers, unpacked")
    image: Name | None = Field(None, description="only this image")
    where: dict[str, Scalar | list[Scalar]] = Field({}, description="only in these cells")


class ScanSpec(_Strict):
    """What the scan gate refuses; secrets and images that run as root always are."""

    vulnerabilities: list[Severity] = Field(["critical"], description="severities that refuse")
    inherited: list[Severity] | None = Field(
        None, description="the same of what the base brought, where that differs"
    )
    misconfigurations: list[Severity] = Field(
        ["critical", "high"], description="severities that refuse"
    )
    ignore_unfixed: bool = Field(True, description="what nobody has a fix for does not refuse")
    grace_days: dict[Severity, Annotated[int, Field(ge=0, le=3650)]] = Field(
        {}, description="days after its publication in which a vulnerability does not refuse"
    )
    end_of_life: Literal["refuse", "accept"] = Field(
        "refuse", description="an operating system that gets no fixes any more"
    )
    database_days: int = Field(
        7, ge=1, le=3650, description="the age at which a vulnerability database counts as none"
    )
    database_mirror: Mirror | None = Field(
        None, description="the repository that has Trivy's database, without a tag"
    )
    java_database_mirror: Mirror | None = Field(
        None, description="the same of Trivy's database of Java archives"
    )
    exemptions: list[ExemptionSpec] = Field([], description="findings that are accepted")
    sizes: list[SizeSpec] = Field([], description="how large images may be")


class PolicySpec(_Strict):
    """What the gates ask for."""

    scan: ScanSpec = ScanSpec()


class RepositoriesSpec(_Strict):
    """How a repository that is missing in ECR is made."""

    create: bool = Field(True, description="whether it is made; if not, it has to be there")
    scan_on_push: bool = Field(True, description="Amazon scans what is pushed, too")
    immutable: bool = Field(True, description="Amazon refuses to rewrite a tag that does not float")
    exclude: list[TagFilter] = Field(
        [], max_length=4, description="which tags float, if that cannot be told from their names"
    )
    untagged_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        None, description="after how many days Amazon removes what no tag names; null: never"
    )
    encryption: Literal["aes256", "kms"] = "aes256"
    kms_key: KmsKey | None = Field(None, description="with kms: a key of your own")


class RetentionSpec(_Strict):
    """What of old images stays at a target; what floating tags name always does."""

    keep_days: int = Field(
        30, ge=0, le=3650, description="what a floating tag named within so many days"
    )
    keep_last: int = Field(3, ge=1, le=1000, description="of each build the last so many")
    ended: Literal["keep", "remove"] = Field(
        "keep", description="images of cells that left the matrix, after the days"
    )


class TargetSpec(_Strict):
    """A place to publish."""

    kind: Literal["local", "registry", "hub", "ecr"] = Field(
        description="a registry on this machine, started when needed; one at `address`; Docker "
        "Hub; or Amazon's"
    )
    address: Address | None = Field(None, description="of a `registry`: host[:port][/prefix]")
    namespace: Namespace | None = Field(None, description="of `hub`: the user or organisation")
    account: Account | None = Field(None, description="of `ecr`: its twelve digits, quoted")
    region: Region | None = Field(None, description="of `ecr`")
    prefix: Prefix | None = Field(None, description="of `ecr`: before each repository's name")
    repositories: RepositoriesSpec | None = Field(
        None, description="of `ecr`: how a repository that is missing is made"
    )
    repository: Template = Field("{image}", description="the template of a repository's name")
    tag: Template = Field("{cell}-{key}", description="that of the tag that is never rewritten")
    floating: list[Template] = Field(["{cell}"], description="those of the tags that move")
    aliases: list[Literal["omit-python", "omit-device", "latest-ray", "latest"]] = Field(
        ["latest"], description="short forms of the cell that floating tags have, too"
    )
    require_clean: bool = Field(
        False, description="refuse what does not come from a clean git checkout"
    )
    promote_only: bool = Field(
        False, description="`publish` and `release` leave it out: only `promote` brings images here"
    )
    accept: list[Text] = Field([], description="partial verdicts that may still be published here")
    scan: ScanSpec | None = Field(
        None, description="what here differs from `policy.scan`; the rest is as it is there"
    )
    retention: RetentionSpec | None = Field(
        None, description="what `invoke gc` keeps; without it nothing is removed"
    )


class SignSpec(_Strict):
    """By whom evidence is signed."""

    key: KeyPlace = Field(
        description="cosign's private key: a path, or env://VARIABLE; its password comes from "
        "COSIGN_PASSWORD"
    )


class EvidenceSpec(_Strict):
    """What is said of images beside them in their registries, and who is believed."""

    sign: SignSpec | None = Field(None, description="nothing is signed if left out")
    trust: list[RelativePath] = Field([], description="public keys whose verdicts are believed")
    max_age_days: int | None = Field(
        None, ge=1, le=3650, description="the age at which an audit takes a verdict as expired"
    )


class ColdStartSpec(_Strict):
    """The seconds that a worker may take from its start until it ran a task."""

    full: float | None = Field(None, gt=0, le=120, description="with all cores")
    throttled: float | None = Field(None, gt=0, le=600, description="with 0.2 CPU")


class VerifySpec(_Strict):
    """The cluster that each image is booted as."""

    workers: int = Field(2, ge=1, le=8, description="workers beside the head")
    suite: Literal["contract", "quick", "full"] = Field(
        "quick", description="how much is asked of an image before it may be published"
    )
    cold_start: ColdStartSpec = Field(
        ColdStartSpec(), description="what `invoke verify --suite coldstart` holds workers to"
    )


class CohortSpec(_Strict):
    """Cells that must work together as the head and the workers of one cluster. The two agree on
    every axis that not both of them name."""

    image: Name | None = Field(None, description="only this image; all of them if left out")
    head: dict[str, Scalar | list[Scalar]] = Field(min_length=1, description="the head's cells")
    workers: dict[str, Scalar | list[Scalar]] = Field(
        min_length=1, description="the workers' cells"
    )


class ReleaseSpec(_Strict):
    """What is released as one."""

    together: Literal["cohorts", "images", "all"] = Field(
        "cohorts", description="the builds whose floating tags move together, or not at all"
    )


class MatrixSpec(_Strict):
    """``matrix.yaml``: the only place where cells are defined."""

    axes: AxesSpec
    exclude: list[ExcludeSpec] = []
    include: list[dict[AxisName, Scalar]] = []
    latest: dict[str, Scalar] | None = Field(None, description="the cell that `latest` names")
    cohorts: dict[Name, CohortSpec] = Field({}, description="cells that are verified together")
    images: list[Name] | None = Field(None, min_length=1, description="all of images/ if left out")
    base: BaseSpec
    devices: DevicesSpec = DevicesSpec()
    runtime: RuntimeSpec = RuntimeSpec()
    targets: dict[Name, TargetSpec] = Field(min_length=1)
    policy: PolicySpec = PolicySpec()
    evidence: EvidenceSpec = EvidenceSpec()
    verify: VerifySpec = VerifySpec()
    release: ReleaseSpec = ReleaseSpec()


class OverrideSpec(_Strict):
    """What differs in the cells that match every axis in ``when``."""

    when: dict[str, Scalar | list[Scalar]] = Field(min_length=1)
    requirements: RelativePath | None = None
    apt: list[AptPackage] = []
    env: dict[VariableName, VariableValue] = {}


class GitSpec(_Strict):
    """Application code in a git repository."""

    git: GitUrl = Field(description="its http(s) address")
    ref: GitRef = Field("HEAD", description="a branch, a tag or a full commit")
    folder: RelativePath | None = Field(None, description="the folder in it; all if left out")
    token: VariableName | None = Field(None, description="the environment variable with a token")


class InstallSpec(_Strict):
    """A script that runs in a builder stage, of which only the results reach the image."""

    script: RelativePath = Field(description="a Bash script; it fills $DESTDIR and $WHEELS")
    apt: list[AptPackage] = Field([], description="packages that only the script needs")
    secrets: list[VariableName] = Field(
        [], description="environment variables that it sees as files in /run/secrets"
    )


class ContractSpec(_Strict):
    """What the image promises beyond what all do; verify tries each of it. A child inherits it."""

    arbitrary_uid: bool | None = Field(
        None, description="Ray starts as any user, in group 0, as OpenShift starts it"
    )
    read_only: bool | None = Field(
        None, description="Ray starts on a read-only root, with an empty /tmp"
    )
    writable: list[AbsolutePath] = Field(
        [], description="with read_only: further folders that are empty and can be written to"
    )


class ImageSpec(_Strict):
    """``images/<name>/image.yaml``: one application image."""

    description: Text
    parent: Name | None = Field(None, description="another image of this project to build on")
    where: dict[str, Scalar | list[Scalar]] = Field({}, description="only in these cells")
    source: RelativePath | GitSpec | None = Field(
        None, description="what becomes /home/ray/app: a folder (app, if there is no parent) or git"
    )
    requirements: RelativePath | None = Field(None, description="a pip requirements file")
    apt: list[AptPackage] = []
    env: dict[VariableName, VariableValue] = {}
    install: InstallSpec | None = None
    checks: RelativePath | None = Field(None, description="smoke checks of its own, in Python")
    needs: list[Literal["data", "serve"]] = Field(
        [], description="libraries of Ray's that it relies on, which verify tries then"
    )
    contract: ContractSpec = ContractSpec()
    overrides: list[OverrideSpec] = []


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema for editors; ``name`` is ``matrix`` or ``image``."""
    models: dict[str, type[BaseModel]] = {"matrix": MatrixSpec, "image": ImageSpec}
    model = models[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **model.model_json_schema(),
    }
