"""The allow-list: the form of every string that can reach a Dockerfile, an argv, a path, a tag or a
Compose file.

Each pattern is matched whole and in ASCII. None admits a control character, a newline, a double
quote, a backslash, a dollar sign, a backtick or a leading dash, so no value can end a string, start
an option, or be expanded, where it is put. Only text for people admits an apostrophe, and it is
only ever put between double quotes. No Debian package ends in a dash, which tells apt to remove it.

Sources: repository and tag grammar from the Distribution reference grammar; Debian package names
and versions from Debian Policy 5.6.1 and 5.6.12; Python versions and extras from PEP 440 and 685.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from factory.text import hide_logins

_REPOSITORY = r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*"
_ADDRESS = (
    r"(?!-)(?:(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+(?::[0-9]{1,5})?|[A-Za-z0-9-]+:[0-9]{1,5}|localhost)"
    r"(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*"
)
_PATTERNS = {
    "name": (r"[a-z0-9]+(?:[._-][a-z0-9]+)*", 63, "lower-case letters, digits and single . _ -"),
    "python version": (r"3\.[0-9]{1,2}", 5, 'a minor version such as "3.11"'),
    "ray version": (
        r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:rc[0-9]{1,2})?",
        15,
        'a full version such as "2.60.0"',
    ),
    "axis value": (r"[a-z0-9]+(?:[._][a-z0-9]+)*", 32, "lower-case letters, digits and single . _"),
    "axis name": (r"[a-z][a-z0-9_]*", 32, "lower-case letters, digits and _"),
    "apt package": (
        r"[a-z0-9][a-z0-9+.-]+(?<!-)(?:=[0-9](?:[A-Za-z0-9.+:~-]*[A-Za-z0-9.+~])?)?",
        128,
        "a Debian package name, optionally with =version",
    ),
    "extra": (r"[a-z0-9]+(?:-[a-z0-9]+)*", 32, "an extra of Ray's such as default"),
    "variable name": (r"[A-Za-z_][A-Za-z0-9_]*", 64, "letters, digits and _"),
    "variable value": (
        r"(?!-)[A-Za-z0-9 _./:,@%+=~^-]*",
        1024,
        "letters, digits, spaces and _ . / : , @ % + = ~ ^ -, with no leading dash",
    ),
    "path": (
        r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*",
        200,
        "a relative path of letters, digits and _ . + -, no part of which starts with a dot",
    ),
    "absolute path": (
        r"(?!.*/\.\.?(?:/|$))(?:/[A-Za-z0-9_.][A-Za-z0-9_.+-]*)+",
        200,
        "an absolute path of letters, digits and _ . + -, without . and ..",
    ),
    "key": (
        r"env://[A-Za-z_][A-Za-z0-9_]*|(?!.*/\.\.?(?:/|$))/?[A-Za-z0-9_][A-Za-z0-9_.+-]*"
        r"(?:/[A-Za-z0-9_.][A-Za-z0-9_.+-]*)*",
        200,
        "a path of letters, digits and _ . + -, or env:// and the name of a variable",
    ),
    "cuda release": (r"cuda1[0-9]{2}", 7, "a CUDA release such as cuda130, which is 13.0"),
    "torch version": (
        r"[0-9]{1,2}\.[0-9]{1,3}\.[0-9]{1,3}(?:\+cpu|\+cu1[0-9]{2})?",
        20,
        "a full version, with its flavour where it has one, such as 2.13.0+cpu",
    ),
    "index": (
        r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9_.+-]+)*/?",
        300,
        "an http(s) address without a user, a query or a fragment",
    ),
    "mirror": (_ADDRESS, 200, "host[:port][/path]; a host has a dot or a port"),
    "address": (_ADDRESS, 200, "host[:port][/prefix]; a host has a dot or a port"),
    "prefix": (_REPOSITORY, 100, "lower-case letters, digits and single . _ - between them, and /"),
    "namespace": (r"[a-z0-9]+(?:[_-][a-z0-9]+)*", 63, "a user or an organisation of Docker Hub"),
    "account": (r"[0-9]{12}", 12, "the twelve digits of an AWS account, quoted"),
    "region": (r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]{1,2}", 30, "a region of AWS such as eu-central-1"),
    "KMS key": (
        r"[A-Za-z0-9](?:[A-Za-z0-9:/_-]*[A-Za-z0-9])?",
        256,
        "the id, the ARN or the alias of a key",
    ),
    "tag filter": (
        r"(?!.*\*.*\*.*\*)[A-Za-z0-9_*][A-Za-z0-9._*-]*",
        128,
        "a tag with at most two * for what varies",
    ),
    "template": (
        r"[A-Za-z0-9_{][A-Za-z0-9_.{}/-]*",
        200,
        "letters, digits and . _ - / with {placeholders}",
    ),
    "git repository": (
        r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
        r"(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*/[A-Za-z0-9_][A-Za-z0-9_.+-]*\.git",
        300,
        "an http(s) address that ends in .git, without a user: a token is named by `token:`",
    ),
    "git ref": (
        r"(?!.*\.\.)(?!.*\.lock(?:/|$))[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*",
        200,
        "a branch, a tag or a full commit",
    ),
    "finding": (
        r"[A-Za-z0-9]+(?:[.:-][A-Za-z0-9]+)*",
        64,
        "an id such as CVE-2026-1234 or DS-0001",
    ),
    "day": (
        r"20[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])",
        10,
        'a day such as "2027-01-31"',
    ),
    "glob": (
        r"[a-z0-9*?][a-z0-9._*?-]*",
        63,
        "an image's name, with * and ? for what varies",
    ),
    "package": (r"[A-Za-z0-9@][A-Za-z0-9+._:@/-]*", 200, "a package's name"),
    "epoch": (r"[A-Za-z0-9][A-Za-z0-9.-]*", 32, 'a mark such as "2026-11"'),
    "text": (
        r"(?!-)[A-Za-z0-9 _.,:;/()+'&@#%*!?=<>-]+",
        200,
        "one line of plain ASCII text without double quotes, backslash, dollar sign or backtick",
    ),
}


def allowed(kind: str, value: str) -> bool:
    """Whether a string has the form of its kind."""
    pattern, longest, _ = _PATTERNS[kind]
    return len(value) <= longest and re.fullmatch(pattern, value, re.ASCII) is not None


def _check(kind: str) -> AfterValidator:
    def check(value: str) -> str:
        if allowed(kind, value):
            return value
        _, longest, words = _PATTERNS[kind]
        raise PydanticCustomError(
            "form",
            "{value} is not a valid {kind}: it must be {words} (at most {longest} characters)",
            {"value": shown(value), "kind": kind, "words": words, "longest": longest},
        )

    return AfterValidator(check)


def shown(value: str) -> str:
    """A user's string made safe to print: without logins, quoted, escaped, cut."""
    text = ascii(hide_logins(value))
    return text if len(text) <= 60 else f"{text[:57]}…'"


Name = Annotated[str, _check("name")]
PythonVersion = Annotated[str, _check("python version")]
RayVersion = Annotated[str, _check("ray version")]
AxisValue = Annotated[str, _check("axis value")]
AxisName = Annotated[str, _check("axis name")]
AptPackage = Annotated[str, _check("apt package")]
Extra = Annotated[str, _check("extra")]
VariableName = Annotated[str, _check("variable name")]
VariableValue = Annotated[str, _check("variable value")]
RelativePath = Annotated[str, _check("path")]
AbsolutePath = Annotated[str, _check("absolute path")]
KeyPlace = Annotated[str, _check("key")]
CudaRelease = Annotated[str, _check("cuda release")]
TorchVersion = Annotated[str, _check("torch version")]
IndexUrl = Annotated[str, _check("index")]
Mirror = Annotated[str, _check("mirror")]
Address = Annotated[str, _check("address")]
Prefix = Annotated[str, _check("prefix")]
Namespace = Annotated[str, _check("namespace")]
Account = Annotated[str, _check("account")]
Region = Annotated[str, _check("region")]
KmsKey = Annotated[str, _check("KMS key")]
TagFilter = Annotated[str, _check("tag filter")]
Template = Annotated[str, _check("template")]
GitUrl = Annotated[str, _check("git repository")]
GitRef = Annotated[str, _check("git ref")]
FindingId = Annotated[str, _check("finding")]
Day = Annotated[str, _check("day")]
Glob = Annotated[str, _check("glob")]
Package = Annotated[str, _check("package")]
Epoch = Annotated[str, _check("epoch")]
Text = Annotated[str, _check("text")]
