"""Amazon's registry through its own API, as moto has it; and its refusals, as Amazon words them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.exceptions
import pytest
from moto import mock_aws

from factory.errors import RegistryError
from factory.model import Ecr
from factory.registry import Amazon, Registry
from factory.registry.amazon import client_of
from factory.registry.credentials import Credentials
from tests.unit.registry.server import ANSWER, DIGEST, Answer, Asked, serving

ECR = Ecr(account="123456789012", region="eu-central-1", untagged_days=14)
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Amazon, empty, and a client to look at it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield boto3.client("ecr", region_name=ECR.region)


def described(aws: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.describe_repositories(repositoryNames=[name])["repositories"][0]
    return found


def test_a_missing_repository_is_made_as_the_matrix_says(aws: Any) -> None:
    amazon = Amazon(ECR)
    assert amazon.ensure("ray/app", ["*-cpu", "latest"])
    made = described(aws, "ray/app")
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert [one["filter"] for one in made["imageTagMutabilityExclusionFilters"]] == [
        "*-cpu",
        "latest",
    ]
    assert made["imageScanningConfiguration"] == {"scanOnPush": True}
    assert made["encryptionConfiguration"] == {"encryptionType": "AES256"}
    policy = aws.get_lifecycle_policy(repositoryName="ray/app")["lifecyclePolicyText"]
    assert json.loads(policy)["rules"][0]["selection"] == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 14,
    }
    assert not amazon.ensure("ray/app", [])
    assert not Amazon(ECR).ensure("ray/app", []), "another run leaves it as it is"


def test_what_the_matrix_turns_off_is_off(aws: Any) -> None:
    plain = replace(
        ECR, immutable=False, scan_on_push=False, untagged_days=None, kms_key="alias/images"
    )
    Amazon(plain).ensure("app", ())
    made = described(aws, "app")
    assert made["imageTagMutability"] == "MUTABLE"
    assert made["imageScanningConfiguration"] == {"scanOnPush": False}
    assert made["encryptionConfiguration"]["encryptionType"] == "KMS"
    assert made["encryptionConfiguration"]["kmsKey"].endswith("alias/images")
    with pytest.raises(aws.exceptions.LifecyclePolicyNotFoundException):
        aws.get_lifecycle_policy(repositoryName="app")


def test_without_floating_tags_all_are_immutable(aws: Any) -> None:
    Amazon(ECR).ensure("app", ())
    assert described(aws, "app")["imageTagMutability"] == "IMMUTABLE"


def test_a_repository_that_may_not_be_made_has_to_be_there(aws: Any) -> None:
    amazon = Amazon(replace(ECR, create=False))
    with pytest.raises(RegistryError, match="does not exist") as caught:
        amazon.ensure("app", ())
    assert caught.value.where == "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app"
    aws.create_repository(repositoryName="app")
    assert not amazon.ensure("app", ())


def test_many_tags_are_asked_for_a_hundred_at_a_time(aws: Any) -> None:
    aws.create_repository(repositoryName="app")
    manifest = {"schemaVersion": 2, "config": {"digest": "sha256:" + "1" * 64, "size": 1}}
    manifest |= {"mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    for tag in ("t0", "t205"):
        put = {"imageTag": tag, "imageManifest": json.dumps(manifest | {"annotations": {"t": tag}})}
        aws.put_image(repositoryName="app", **put)
    counted = Counted(client_of(ECR))
    found = Amazon(ECR, lambda _ecr: counted).digests("app", (f"t{at}" for at in range(240)))
    listed = aws.describe_images(repositoryName="app")["imageDetails"]
    assert found == {one["imageTags"][0]: one["imageDigest"] for one in listed}
    assert counted.asked == ["batch_get_image"] * 3


def test_a_repository_that_is_not_there_holds_nothing(aws: Any) -> None:
    assert Amazon(ECR).digests("app", ["t"]) == {}


@dataclass
class Counted:
    """Counts what a client is asked."""

    client: Any
    asked: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if name != "exceptions":
            self.asked.append(name)
        return getattr(self.client, name)


# -------------------------------------------------------------------- tokens


@dataclass
class Teller:
    """Hands out tokens with a number, that live so long."""

    lives: timedelta
    given: int = 0
    at: float = 0.0

    @property
    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.at)

    def get_authorization_token(self) -> Any:
        self.given += 1
        token = "QVdTOnNlY3JldC0=" if self.given == 1 else "QVdTOnNlY3JldC0y"
        return {"authorizationData": [
            {"authorizationToken": token, "expiresAt": self.now + self.lives}
        ]}  # fmt: skip

    def amazon(self) -> Amazon:
        return Amazon(ECR, lambda _ecr: self, clock=lambda: self.at, now=lambda: self.now)


def test_a_token_is_kept_until_it_is_close_to_its_end() -> None:
    teller = Teller(lives=timedelta(hours=12))
    amazon = teller.amazon()
    assert amazon.token() == Credentials(username="AWS", secret="secret-")
    teller.at = 11.7 * 3600
    assert amazon.token().secret == "secret-"
    teller.at = 11.8 * 3600
    assert amazon.token().secret == "secret-2"
    assert teller.given == 2


def test_a_token_that_says_it_has_expired_is_not_asked_for_again_and_again() -> None:
    teller = Teller(lives=timedelta(days=-4000))
    amazon = teller.amazon()
    for second in range(599):
        teller.at = float(second)
        assert amazon.token().secret == "secret-"
    assert teller.given == 1
    teller.at = 601.0
    amazon.token()
    assert teller.given == 2


def test_a_token_that_is_refused_is_renewed_before_its_time() -> None:
    teller = Teller(lives=timedelta(hours=12))
    amazon = teller.amazon()
    assert amazon.again() == amazon.again(), "not within the same half minute"
    teller.at = 31.0
    assert amazon.again().secret == "secret-2"
    assert amazon.token().secret == "secret-2"


def test_amazons_token_is_that_of_its_api(aws: Any) -> None:
    found = Amazon(ECR).token()
    assert (found.username, found.secret) == ("AWS", "123456789012-auth-token")
    assert found.secret not in repr(found)


# ------------------------------------------------------------------ refusals


def answered(code: str, message: str = "no") -> Exception:
    said = {"Error": {"Code": code, "Message": message}}
    error: Exception = botocore.exceptions.ClientError(said, "GetAuthorizationToken")
    return error


DENIED = (
    "User: arn:aws:sts::{}:assumed-role/ci/me is not authorized to perform: "
    "ecr:CreateRepository on resource: arn:aws:ecr:eu-central-1:123456789012:repository/app"
)


@pytest.mark.parametrize(
    ("error", "what", "todo"),
    [
        (botocore.exceptions.NoCredentialsError(), "there are no AWS credentials", "aws configure"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "there are no AWS cred", "AWS_PROFILE"),
        (answered("ExpiredTokenException"), "the AWS login has expired", "aws sso login"),
        (botocore.exceptions.UnauthorizedSSOTokenError(), "login has expired", "aws sso login"),
        (answered("UnrecognizedClientException"), "AWS does not know these", "clock is right"),
        (
            answered("AccessDeniedException", DENIED.format("123456789012")),
            "may not ecr:CreateRepository",
            "allow `ecr:CreateRepository` in the IAM policy",
        ),
        (
            answered("AccessDeniedException", DENIED.format("210987654321")),
            "are of the account 210987654321, and may not ecr:CreateRepository in 123456789012",
            "`account:` is right",
        ),
        (answered("AccessDenied"), "may not ecr:GetAuthorizationToken", "IAM policy"),
        (
            botocore.exceptions.EndpointConnectionError(endpoint_url="https://x.example"),
            "ECR in the region eu-central-1 cannot be reached",
            "`region:` is right",
        ),
        (answered("LimitExceededException"), "a quota of the account 123456789012", "ask AWS"),
        (answered("ThrottlingException"), "AWS throttles", "run again"),
        (answered("KmsException"), "the KMS key", "`kms_key:`"),
        (answered("Odd"), "AWS refused ecr:GetAuthorizationToken (Odd)", "`account:`"),
    ],
)  # fmt: skip
def test_refusals_say_what_to_do(error: Exception, what: str, todo: str) -> None:
    class Refuses:
        def get_authorization_token(self) -> Any:
            raise error

    with pytest.raises(RegistryError) as caught:
        Amazon(ECR, lambda _ecr: Refuses()).token()
    assert what in caught.value.what
    assert todo in caught.value.todo
    assert caught.value.exit_code == 6
    assert caught.value.where == ECR.host


def test_a_profile_that_there_is_not_is_told_where_the_client_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    with pytest.raises(RegistryError, match="there are no AWS credentials"):
        Amazon(ECR).token()


def test_a_token_that_the_registry_takes_no_longer_is_renewed_in_mid_run() -> None:
    teller = Teller(lives=timedelta(hours=12))
    amazon = teller.amazon()
    admits = [Credentials(username="AWS", secret="secret-").basic]

    def answer(asked: Asked) -> Answer:
        if asked.permit in admits:
            return ANSWER
        return 401, {"WWW-Authenticate": 'Basic realm="https://ecr",service="ecr"'}, b""

    with serving(answer) as served:
        registry = Registry(lambda _key: amazon.again())
        assert registry.head(served.repository, "t") == DIGEST
        assert registry.head(served.repository, "t") == DIGEST
        teller.at = 3600.0
        admits[:] = [Credentials(username="AWS", secret="secret-2").basic]
        assert registry.head(served.repository, "t") == DIGEST
        admits.clear()
        with pytest.raises(RegistryError, match="HTTP 401"):
            registry.head(served.repository, "t")
    assert teller.given == 2, "it is not asked for again within the same half minute"


def test_an_image_is_removed_with_all_its_tags_and_one_that_is_gone_is_fine(aws: Any) -> None:
    aws.create_repository(repositoryName="ray/app")
    _, headers, body = ANSWER
    for tag in ("one", "two"):
        put = aws.put_image(
            repositoryName="ray/app",
            imageManifest=body.decode(),
            imageManifestMediaType=headers["Content-Type"],
            imageTag=tag,
        )
    digest = put["image"]["imageId"]["imageDigest"]
    amazon = Amazon(ECR)
    assert amazon.remove("ray/app", digest)
    assert aws.list_images(repositoryName="ray/app")["imageIds"] == []
    assert not amazon.remove("ray/app", digest)
    assert not amazon.remove("ray/none", digest)


class Listing:
    """An ECR that keeps what an index lists, as its API words it; moto removes it all the same."""

    class exceptions:  # noqa: N801  # boto3's name
        RepositoryNotFoundException = KeyError

    def batch_delete_image(self, **_: Any) -> dict[str, Any]:
        reason = "Requested image referenced by manifest list: [sha256:1]"
        code = "ImageReferencedByManifestList"
        return {"failures": [{"failureCode": code, "failureReason": reason}]}


def test_an_image_that_an_index_lists_stays_and_it_is_said_why() -> None:
    amazon = Amazon(ECR, lambda _: Listing())
    with pytest.raises(RegistryError, match="referenced by manifest list"):
        amazon.remove("ray/app", DIGEST)
