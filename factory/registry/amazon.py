"""Amazon's registry, as far as its own API is needed: tokens, repositories, many tags at once.

Credentials are those of the AWS chain, as every tool of Amazon's finds them. boto3 is loaded when a
target is in ECR, and only then.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from factory.errors import RegistryError
from factory.model import Ecr
from factory.registry import denials
from factory.registry.credentials import Credentials
from factory.registry.pace import Pace

MANIFESTS_A_SECOND = 10.0
"""ECR's default quota of PutImage, for an account in a region; docker's pushes come to it, too."""

_AT_ONCE = 100
"""Image ids in one question, by the API."""

_MARGIN_SECONDS = 15 * 60.0
"""A token that expires sooner is renewed: a large layer may be on its way for so long."""

_LEAST_SECONDS = 10 * 60.0
"""Nor is it asked for more often, whatever its expiry says: a clock may be wrong."""

_REFUSED_SECONDS = 30.0
"""A token that the registry asks for again after so long is taken to be refused, and renewed."""


class Amazon:
    """One account's registry in one region. Threads may share it.

    Args:
        ecr: which, and how its repositories are made.
        connect: makes boto3's client.
        clock: seconds that only go up.
        now: the time of day.
    """

    def __init__(
        self,
        ecr: Ecr,
        connect: Callable[[Ecr], Any] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.ecr = ecr
        self.pace = Pace(MANIFESTS_A_SECOND, int(MANIFESTS_A_SECOND))
        self._connect = connect or client_of
        self._clock, self._now = clock, now
        self._lock = threading.RLock()
        self._client: Any = None
        self._token: Credentials | None = None
        self._fetched = self._until = -float("inf")
        self._there: set[str] = set()

    def token(self) -> Credentials:
        """What lets docker in; renewed in time.

        Raises:
            RegistryError: AWS refused, or cannot be reached.
        """
        with self._lock:
            if self._token is None or self._clock() >= self._until:
                self._renew()
            assert self._token
            return self._token

    def again(self) -> Credentials:
        """The same, for who asks only once, and again when what there was has been refused.

        Raises:
            RegistryError: as above.
        """
        with self._lock:
            if self._clock() - self._fetched >= _REFUSED_SECONDS:
                self._until = -float("inf")
            return self.token()

    def ensure(self, repository: str, exclude: Sequence[str], wanted: Ecr | None = None) -> bool:
        """Have a repository, made as the matrix says if it is missing; one that is there is left as
        it is.

        Args:
            repository: its name in the registry.
            exclude: the filters of tags that float.
            wanted: how it is made, if not as of the first target that is here.

        Returns:
            Whether it was made.

        Raises:
            RegistryError: it is missing and must not or cannot be made.
        """
        with self._lock:
            if repository in self._there:
                return False
            made = not self._exists(repository)
            if made:
                self._create(repository, exclude, wanted or self.ecr)
            self._there.add(repository)
            return made

    def digests(self, repository: str, tags: Iterable[str]) -> Mapping[str, str]:
        """What tags name, of those that there are: a request for a hundred of them.

        Raises:
            RegistryError: AWS refused, or cannot be reached.
        """
        found: dict[str, str] = {}
        wanted = list(dict.fromkeys(tags))
        for at in range(0, len(wanted), _AT_ONCE):
            ids = [{"imageTag": tag} for tag in wanted[at : at + _AT_ONCE]]
            with self._explained("ecr:BatchGetImage", repository):
                client = self._api()
                try:
                    answer = client.batch_get_image(
                        registryId=self.ecr.account, repositoryName=repository, imageIds=ids
                    )
                except client.exceptions.RepositoryNotFoundException:
                    return {}
            for image in answer.get("images", ()):
                named = image["imageId"]
                if named.get("imageTag"):
                    found[named["imageTag"]] = named["imageDigest"]
        return found

    def remove(self, repository: str, digest: str) -> bool:
        """Remove a manifest, and every tag that names it, which ECR does by no other API than its
        own; whether it was there.

        Raises:
            RegistryError: AWS refused, or cannot be reached.
        """
        with self._explained("ecr:BatchDeleteImage", repository):
            client = self._api()
            try:
                answer = client.batch_delete_image(
                    registryId=self.ecr.account,
                    repositoryName=repository,
                    imageIds=[{"imageDigest": digest}],
                )
            except client.exceptions.RepositoryNotFoundException:
                return False
        for failure in answer.get("failures", ()):
            if failure.get("failureCode") == "ImageNotFound":
                return False
            raise RegistryError(
                f"ECR did not remove an image: {failure.get('failureReason')}",
                where=f"{repository}@{digest}",
                todo="remove what refers to it first, such as an index that lists it",
            )
        return True

    def _renew(self) -> None:
        with self._explained("ecr:GetAuthorizationToken", ""):
            answer = self._api().get_authorization_token()
        data = answer["authorizationData"][0]
        user, _, secret = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        lives = (data["expiresAt"] - self._now()).total_seconds() - _MARGIN_SECONDS
        self._fetched = self._clock()
        self._until = self._fetched + max(lives, _LEAST_SECONDS)
        self._token = Credentials(username=user, secret=secret)

    def _exists(self, repository: str) -> bool:
        with self._explained("ecr:DescribeRepositories", repository):
            client = self._api()
            try:
                client.describe_repositories(
                    registryId=self.ecr.account, repositoryNames=[repository]
                )
            except client.exceptions.RepositoryNotFoundException:
                return False
        return True

    def _create(self, repository: str, exclude: Sequence[str], wanted: Ecr) -> None:
        if not wanted.create:
            raise RegistryError(
                "this repository does not exist, and the target does not have it made",
                where=f"{self.ecr.host}/{repository}",
                todo="make it, or write `repositories: {create: true}`",
            )
        with self._explained("ecr:CreateRepository", repository):
            client = self._api()
            try:
                client.create_repository(**_repository(repository, exclude, wanted))
            except client.exceptions.RepositoryAlreadyExistsException:
                return  # by another publisher, at this moment
        if wanted.untagged_days:
            with self._explained("ecr:PutLifecyclePolicy", repository):
                client.put_lifecycle_policy(
                    registryId=self.ecr.account,
                    repositoryName=repository,
                    lifecyclePolicyText=json.dumps(lifecycle(wanted.untagged_days)),
                )

    def _api(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect(self.ecr)
            return self._client

    @contextmanager
    def _explained(self, action: str, repository: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise denials.explained(error, self.ecr, action, repository) from error


def _repository(repository: str, exclude: Sequence[str], ecr: Ecr) -> dict[str, Any]:
    """What a repository is made with."""
    wanted: dict[str, Any] = {
        "registryId": ecr.account,
        "repositoryName": repository,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": ecr.scan_on_push},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    if ecr.immutable:
        wanted["imageTagMutability"] = "IMMUTABLE"
    if ecr.immutable and exclude:
        wanted["imageTagMutability"] = "IMMUTABLE_WITH_EXCLUSION"
        wanted["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": one} for one in exclude
        ]
    if ecr.kms_key is not None:
        key = {"kmsKey": ecr.kms_key} if ecr.kms_key else {}
        wanted["encryptionConfiguration"] = {"encryptionType": "KMS", **key}
    return wanted


def lifecycle(days: int) -> dict[str, Any]:
    """The policy by which Amazon removes what no tag names any more."""
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"what no tag has named for {days} days",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": days,
                },
                "action": {"type": "expire"},
            }
        ]
    }


def client_of(ecr: Ecr, *, attempts: int = 4) -> Any:
    """boto3's client, by the AWS chain: variables, profiles, SSO, roles of what this runs on.

    Args:
        attempts: how often a question is asked in all, where AWS is busy or away.

    Raises:
        botocore.exceptions.BotoCoreError: the chain names what there is not.
    """
    from boto3.session import Session
    from botocore.config import Config

    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "total_max_attempts": attempts},
        user_agent_extra="ray-image-factory",
    )
    return Session(region_name=ecr.region).client("ecr", config=config)
