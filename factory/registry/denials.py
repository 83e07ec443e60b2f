"""Why AWS refuses, in words that a user can act on."""

from __future__ import annotations

import re

from factory.errors import RegistryError
from factory.model import Ecr

_KNOWN: tuple[tuple[frozenset[str], str, str], ...] = (
    (
        frozenset(
            {
                *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"),
                *("ConfigNotFound", "ConfigParseError", "CredentialRetrievalError"),
                "InvalidConfigError",
            }
        ),
        "there are no AWS credentials for this target",
        "log in as for the AWS CLI (`aws configure`, `aws sso login`, or AWS_PROFILE); "
        "`aws sts get-caller-identity` shows whom the chain finds",
    ),
    (
        frozenset(
            {
                *("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError"),
                *("ExpiredToken", "ExpiredTokenException", "RequestExpired"),
            }
        ),
        "the AWS login has expired",
        "log in again (`aws sso login`, or new temporary credentials), then run again",
    ),
    (
        frozenset(
            {
                *("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"),
                *("InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature"),
            }
        ),
        "AWS does not know these credentials",
        "see AWS_ACCESS_KEY_ID, AWS_PROFILE and ~/.aws, and that this machine's clock is right",
    ),
    (
        frozenset(
            {
                *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError"),
                *("ConnectionClosedError", "ProxyConnectionError", "SSLError"),
                *("InvalidRegionError", "HTTPClientError"),
            }
        ),
        "ECR in the region {region} cannot be reached",
        "see that `region:` is right, that the network lets this machine reach it, and for a CA of "
        "your own that AWS_CA_BUNDLE names it",
    ),
    (
        frozenset(
            {
                *("ThrottlingException", "Throttling", "TooManyRequestsException"),
                "RequestLimitExceeded",
            }
        ),
        "AWS throttles this account",
        "wait a moment, then run again: what is there is kept",
    ),
    (
        frozenset({"LimitExceededException"}),
        "a quota of the account {account} is used up",
        "remove what is not needed, or ask AWS for more",
    ),
    (
        frozenset({"KmsException"}),
        "AWS cannot use the KMS key",
        "see `kms_key:`, and that its policy allows ECR",
    ),
)
"""Codes of AWS's answers and names of botocore's errors, what they mean, and what to do."""

_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_NAMED = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_CALLER = re.compile(r"arn:aws[a-z-]*:[a-z]+::([0-9]{12}):")
_LONGEST = 300


def explained(error: Exception, ecr: Ecr, action: str, repository: str) -> RegistryError:
    """What botocore raised, as an error of a registry.

    Args:
        action: what was asked for, as IAM calls it.
        repository: that it was about; empty if none.
    """
    response = getattr(error, "response", None) or {}
    answered = response.get("Error", {})
    code = str(answered.get("Code") or type(error).__name__)
    said = str(answered.get("Message") or error)[:_LONGEST]
    what, todo = _words(code, said, ecr, action)
    where = f"{ecr.host}/{repository}" if repository else ecr.host
    return RegistryError(what, where=where, todo=todo, detail=said.splitlines())


def _words(code: str, said: str, ecr: Ecr, action: str) -> tuple[str, str]:
    if code in _DENIED:
        return _denied(said, ecr, action)
    for codes, what, todo in _KNOWN:
        if code in codes:
            return what.format(region=ecr.region, account=ecr.account), todo
    return (
        f"AWS refused {action} ({code})",
        "see `account:`, `region:` and `repositories:` of the target",
    )


def _denied(said: str, ecr: Ecr, action: str) -> tuple[str, str]:
    named, caller = _NAMED.search(said), _CALLER.search(said)
    wanted = named[1] if named else action
    if caller and caller[1] != ecr.account:
        return (
            f"these AWS credentials are of the account {caller[1]}, and may not {wanted} in "
            f"{ecr.account}",
            "see that `account:` is right and AWS_PROFILE is that account's, or allow it there",
        )
    return (
        f"these AWS credentials may not {wanted}",
        f"allow `{wanted}` in the IAM policy of who publishes; docs/targets.md lists all that is "
        "needed",
    )
