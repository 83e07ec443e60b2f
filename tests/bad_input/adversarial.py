"""What somebody writes who wants more than images: to have something run on this machine, a file
read that is none of the project's, a secret shown, or this machine kept busy for ever.

Mistakes of honest users are in ``cases.py``. Here each value is meant to harm, and is refused.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from factory.ledger.store import connect
from factory.model import BASES_LOCK
from tests.bad_input.family import base, devices, git
from tests.bad_input.locks import CELL
from tests.bad_input.spoiling import (
    IMAGE,
    Break,
    Case,
    both,
    fifo,
    image,
    link,
    matrix,
    more,
    remove,
    write,
)

SECRET = "hush-hush"
REQUIREMENTS = "images/demo/requirements.txt"
APP = "dockerfiles/app.Dockerfile.j2"
DEEP = "x" * 5_000


def beside(path: str, text: str, name: str = "secret") -> Break:
    """A file next to the project, and a link to it in there."""
    return both(write(f"../beside/{name}", text), _relink(path, f"beside/{name}"))


def beside_folder(path: str, file: str, text: str) -> Break:
    """A folder next to the project, and a link to it in there."""
    return both(write(f"../beside/{file}", text), _relink(path, "beside"))


def _relink(path: str, target: str) -> Break:
    def spoil(root: Path) -> None:
        place = root / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(root.parent / target)

    return spoil


def tampered(script: str) -> Break:
    """A ledger on which somebody ran SQL."""

    def spoil(root: Path) -> None:
        connection = connect(root / ".factory" / "ledger.sqlite")
        connection.executescript(script)
        connection.close()

    return spoil


def _refused(id: str, spoil: Break, *says: str, real: bool = False, hides: str = "") -> Case:
    return Case(id=id, spoil=spoil, says=says, real=real, hides=(hides,) if hides else ())


def _text(value: str) -> Break:
    return image("Adds numbers", f"'{value}'")


def _env(value: str) -> Break:
    return more(f"env: {{A: '{value}'}}\n", IMAGE)


def _apt(value: str) -> Break:
    return more(f"apt: ['{value}']\n", IMAGE)


def _matrix_apt(value: str) -> Break:
    return more(f"runtime: {{apt: ['{value}']}}\n")


def _install(value: str) -> Break:
    return more(f"install: {value}\n", IMAGE)


def _exemption(content: str) -> Break:
    return more(f"policy: {{scan: {{exemptions: [{{{content}}}]}}}}\n")


INJECTION = [
    _refused("a template in a description", _text("{{ 7 * 7 }}"), "is not a valid text", real=True),
    _refused("a template's tag in a description", _text("{% set a = 1 %}"), "is not a valid text"),
    _refused(
        "a way out of the sandbox in a variable",
        _env("{{ cycler.__init__.__globals__ }}"),
        "is not a valid variable value",
    ),
    _refused("a template in an apt package", _apt("{{ image }}"), "is not a valid apt package"),
    _refused("a command in a description", _text("$(id)"), "is not a valid text"),
    _refused("a command in backticks in a variable", _env("`id`"), "not a valid variable value"),
    _refused("a variable in a variable", _env("$HOME"), "not a valid variable value", real=True),
    _refused("a variable in braces in a variable", _env("${PATH}"), "not a valid variable value"),
    _refused("a second command in a variable", _env("a; id"), "not a valid variable value"),
    _refused("a pipe in an apt package", _apt("curl|sh"), "is not a valid apt package"),
    _refused("a second command in an apt package", _apt("curl; id"), "not a valid apt package"),
    _refused("an option in an apt package", _apt("--allow-unauthenticated"), "valid apt package"),
    _refused("an option of the runtime's apt", _matrix_apt("-oAPT::x=y"), "valid apt package"),
    _refused("a removal by apt", _apt("bash-"), "is not a valid apt package"),
    _refused("a file for apt", _apt("./a.deb"), "is not a valid apt package"),
    _refused("a release for apt", _apt("bash/sid"), "is not a valid apt package"),
    _refused(
        "a line more in a description",
        image("Adds numbers", '"a\\nRUN touch /owned"'),
        "'a\\nRUN touch /owned' is not a valid text",
        real=True,
    ),
    _refused(
        "lines folded into a description",
        image("Adds numbers", "|\n  a\n  USER 0"),
        "'a\\nUSER 0\\n' is not a valid text",
    ),
    _refused(
        "a frontend in a description",
        image("Adds numbers", '"a\\n# syntax=evil/frontend"'),
        "is not a valid text",
    ),
    _refused(
        "a heredoc in a variable", more('env: {A: "<<E\\nid\\nE"}\n', IMAGE), "valid variable value"
    ),
    _refused("a backslash at the end", more('env: {A: "a\\\\"}\n', IMAGE), "valid variable value"),
    _refused(
        "a quote that ends a variable", more('env: {A: "a\\"b"}\n', IMAGE), "valid variable value"
    ),
    _refused("a variable's name with a value", more("env: {'A=b C': d}\n", IMAGE), "variable name"),
    _refused(
        "a line separator of Unicode's",
        more('env: {A: "a\\u2028RUN id"}\n', IMAGE),
        "'a\\u2028RUN id' is not a valid variable value",
    ),
    _refused("a NUL within an epoch", matrix('"2026-11"', '"2026\\0-11"'), "'2026\\x00-11' is not"),
    _refused("a command in an epoch", matrix('"2026-11"', "'$(id)'"), "is not a valid epoch"),
    _refused(
        "a marker in an extra",
        matrix('"2026-11"\n', '"2026-11"\n  packages: {extras: ["a] @ file:///x #"]}\n'),
        "is not a valid extra",
    ),
    _refused(
        "a version with a place",
        matrix('"2.55.1"', '"2.55.1 @ file:///x"'),
        "is not a valid ray version",
    ),
    _refused("a second mount by a path", image("source: app", "source: 'app,target=/'"), "path"),
    _refused(
        "an option in place of a path", image("source: app", "source: --from=x"), "valid path"
    ),
]

NAMES = [
    _refused(
        "a folder with a newline for an image",
        write("images/a\nb/image.yaml", "description: x\n"),
        "'a\\nb' cannot be an image's name",
        real=True,
    ),
    _refused(
        "a line more in the name of a folder",
        write("images/a\nb: fine/image.yml", "description: x\n"),
        "images/a\\nb: fine/image.yml: an image is described in image.yaml",
    ),
    _refused(
        "a line more in the name of a link",
        link("images/demo/app/a\nb", "/etc"),
        "the symlink images/demo/app/a\\nb leaves the project",
    ),
    _refused(
        "a folder .git for an image",
        write("images/.git/image.yaml", "description: x\n"),
        "'.git' cannot be an image's name",
    ),
    _refused(
        "a folder of an option's form for an image",
        write("images/--help/image.yaml", "description: x\n"),
        "'--help' cannot be an image's name",
    ),
    _refused(
        "a name that looks like another",
        write("images/dеmo/image.yaml", "description: x\n"),  # its e is Cyrillic
        "'d\\u0435mo' cannot be an image's name",
    ),
    _refused("an image's name that climbs", more("images: ['../demo']\n"), "is not a valid name"),
    _refused("an image that is a file", more("images: [/etc/passwd]\n"), "is not a valid name"),
    _refused(
        "a target with a digest", matrix("  local:", "  'a@sha256:0':"), "is not a valid name"
    ),
    _refused(
        "a target that is another host", matrix("  local:", "  'evil.example/a':"), "valid name"
    ),
    _refused("a target of another kind", matrix("kind: local", "kind: evil.example"), "'local'"),
    _refused(
        "a target with a registry", matrix("kind: local", "kind: local, registry: x"), "unknown"
    ),
    _refused(
        "a mirror with an @", base("source: registry\n  mirror: a@evil.example"), "valid mirror"
    ),
    _refused("a mirror that is an option", base("source: auto\n  mirror: --x.y"), "valid mirror"),
    _refused(
        "a mirror that climbs", base("source: auto\n  mirror: m.example/../x"), "valid mirror"
    ),
    _refused(
        "a cohort called by a path",
        more("cohorts: {../../a: {head: {ray: 2.60.0}, workers: {ray: 2.60.0}}}\n"),
        "is not a valid name",
    ),
    _refused(
        "an axis called as an attribute is",
        matrix("axes:\n", "axes:\n  __class__: [a]\n"),
        "'__class__'",
        real=True,
    ),
    _refused("an axis called in Cyrillic", matrix("axes:\n", "axes:\n  а: [a]\n"), "\\u0430"),
    _refused(
        "an axis whose value is a tag", matrix("axes:\n", "axes:\n  a: ['x:y']\n"), "axis value"
    ),
    _refused(
        "an exemption by a pattern",
        _exemption('id: "*", reason: r, until: "2027-01-31"'),
        "is not a valid finding",
    ),
    _refused(
        "an exemption with a line more",
        _exemption('id: "CVE-1\\nCVE-2", reason: r, until: "2027-01-31"'),
        "is not a valid finding",
        real=True,
    ),
    _refused(
        "an exemption's reason with a terminal sequence",
        _exemption('id: CVE-1, reason: "\\e[2Jfine", until: "2027-01-31"'),
        "is not a valid text",
    ),
    _refused(
        "an exemption for images by a class of characters",
        _exemption('id: CVE-1, reason: r, until: "2027-01-31", images: ["[a-z]"]'),
        "is not a valid glob",
    ),
    _refused("a very long description", _text("y" * 3_000), "at most 200 characters", real=True),
    _refused("a value longer than any", _text(DEEP), "more than 4,000 characters"),
]

SECRETS = [
    _refused(
        "a secret that climbs", _install("{script: s.sh, secrets: [../../x]}"), "variable name"
    ),
    _refused(
        "a secret with options",
        _install("{script: s.sh, secrets: ['A,src=/etc/x']}"),
        "variable name",
    ),
    _refused("a secret that is a file", _install("{script: s.sh, secrets: [/x]}"), "variable name"),
    _refused("a script elsewhere", _install("{script: ~/x.sh}"), "'~/x.sh' is not a valid path"),
    _refused("a script by a variable", _install("{script: $HOME/x.sh}"), "is not a valid path"),
    _refused("a repository by a helper", git("ext::sh -c id"), "valid git repository", real=True),
    _refused("a repository that is a folder", git("file:///etc/x.git"), "valid git repository"),
    _refused("a repository that is an option", git("--upload-pack=id.git"), "valid git repository"),
    _refused("a repository with a query", git("https://h.example/a.git?x=y"), "git repository"),
    _refused("a repository with a fragment", git("https://h.example/a.git#b"), "git repository"),
    _refused("a repository that climbs", git("https://h.example/../a.git"), "git repository"),
    _refused(
        "a repository by another's name",
        git(f"https://github.com:{SECRET}@evil.example/a.git"),
        "git repository",
        hides=SECRET,
        real=True,
    ),
    _refused(
        "a ref that is two", git("https://h.example/a.git", "main:x"), "is not a valid git ref"
    ),
    _refused(
        "a folder of a repository that climbs",
        image("source: app", "source: {git: 'https://h.example/a.git', folder: ../x}"),
        "'../x' is not a valid path",
    ),
    _refused(
        "a token from a file",
        image("source: app", "source: {git: 'https://h.example/a.git', token: /etc/x}"),
        "is not a valid variable name",
    ),
    _refused(
        "an index that is a folder",
        devices("cpu: {torch: {version: 2.13.0+cpu, index: 'file:///etc'}}"),
        "is not a valid index",
    ),
    _refused(
        "an index with a token for a user",
        devices(f"cpu: {{torch: {{version: 2.13.0+cpu, index: 'https://{SECRET}@i.example'}}}}"),
        "is not a valid index",
        hides=SECRET,
    ),
    _refused(
        "an index with an option behind it",
        devices("cpu: {torch: {version: 2.13.0+cpu, index: 'https://i.example --pre'}}"),
        "is not a valid index",
    ),
]

LINKS = [
    _refused(
        f"{what}, by a link out of the tree",
        beside(path, text),
        f"{path} leads outside the project",
        real=real,
        hides=SECRET,
    )
    for what, path, text, real in (
        ("the matrix", "matrix.yaml", f"{SECRET}: 1\n", True),
        ("an image's definition", IMAGE, f"{SECRET}: 1\n", True),
        ("the requirements", REQUIREMENTS, f"{SECRET}\n", True),
        ("the checks", "images/demo/checks.py", f"# {SECRET}\n", False),
        ("a template", "dockerfiles/runtime.Dockerfile.j2", f"FROM {SECRET}\n", True),
        ("a template more", "dockerfiles/more.j2", f"{SECRET}\n", False),
        ("a lock", f"images/demo/locks/{CELL}.txt", f"{SECRET}\n", False),
        ("the lock of images", BASES_LOCK, f'{{"{SECRET}": 1}}', False),
        ("what is ignored", "images/demo/.dockerignore", f"[{SECRET}\n", False),
    )
]
LINKS += [
    _refused(
        f"{what}, by a link to a folder out of the tree",
        beside_folder(path, file, f"{SECRET}\n"),
        "leads outside the project",
        real=real,
        hides=SECRET,
    )
    for what, path, file, real in (
        ("all images", "images", "demo/image.yaml", True),
        ("an image", "images/other", "image.yaml", False),
        ("the templates", "dockerfiles", "app.Dockerfile.j2", True),
        ("the locks of bases", "dockerfiles/locks", "base/x.txt", False),
        ("an image's locks", "images/demo/locks", "x.txt", False),
        ("the code", "images/demo/app", "main.py", False),
    )
]
LINKS += [
    _refused(
        "an installation, by a link out of the tree",
        both(_install("{script: install.sh}"), beside("images/demo/install.sh", f"# {SECRET}\n")),
        "images/demo/install.sh leads outside the project",
        hides=SECRET,
    ),
    _refused(
        "a wheel, by a link out of the tree",
        both(
            beside("wheels/ray-2.60.0-cp311-cp311-any.whl", SECRET),
            matrix(
                '"2026-11"', '"2026-11"\n  packages: {wheel: wheels/ray-2.60.0-cp311-cp311-any.whl}'
            ),
        ),
        "leads outside the project",
    ),
    _refused(
        "the wheels of torch, by a link out of the tree",
        both(
            devices("cpu: {torch: {version: 2.13.0+cpu, find_links: wheels}}"),
            beside_folder("wheels", "a.whl", SECRET),
        ),
        "wheels leads outside the project",
    ),
    _refused(
        "a folder between, that leads out of the tree",
        both(
            image("requirements: requirements.txt", "requirements: a/b.txt"),
            beside_folder("images/demo/a", "b.txt", f"{SECRET}\n"),
        ),
        "images/demo/a/b.txt leads outside the project",
        hides=SECRET,
    ),
    _refused(
        "a link deep in the code",
        link("images/demo/app/data", "../../../../../etc"),
        "the symlink images/demo/app/data leaves the project",
        real=True,
    ),
    _refused(
        "a link to what is there only for others",
        link("images/demo/app/data", "/proc/self/environ"),
        "leaves the project",
    ),
    _refused("a tilde for a home", image("source: app", "source: '~'"), "'~' is not a valid path"),
    _refused("a variable for a home", image("source: app", "source: $HOME"), "is not a valid path"),
    _refused("a path with dots inside", image("source: app", "source: app/../../x"), "valid path"),
    _refused("a hidden folder", image("source: app", "source: .git"), "is not a valid path"),
    _refused("a path of Windows", image("source: app", "source: 'C:\\x'"), "is not a valid path"),
    _refused(
        "a folder to write to that climbs",
        more("contract: {read_only: true, writable: [/tmp/../etc]}\n", IMAGE),
        "is not a valid absolute path",
    ),
]

ENDLESS = [
    _refused(
        "a pipe for the matrix",
        both(remove("matrix.yaml"), fifo("matrix.yaml")),
        "matrix.yaml is neither a file, a folder nor a symlink",
        real=True,
    ),
    _refused("a pipe for an image", both(remove(IMAGE), fifo(IMAGE)), f"{IMAGE} is neither a file"),
    _refused(
        "a pipe for requirements",
        both(remove(REQUIREMENTS), fifo(REQUIREMENTS)),
        f"{REQUIREMENTS} is neither a file",
    ),
    _refused("a pipe for a template", fifo("dockerfiles/x.j2"), "x.j2 is neither a file"),
    _refused(
        "a pipe for what is ignored", fifo("images/demo/.dockerignore"), "ignore is neither a file"
    ),
    _refused(
        "a device for the matrix", link("matrix.yaml", "/dev/zero"), "leads outside the project"
    ),
    _refused("an anchor in itself", more("images: &a [*a]\n"), "nested too deeply", real=True),
    _refused(
        "a long value, read over and over",
        more("images: [&a '" + "y" * 90_000 + "'" + ", *a" * 20_000 + "]\n"),
        "a value of more than 4,000 characters",
    ),
    _refused(
        "a number to the base of 60", more("images: " + "1:" * 50_000 + "1\n"), "unreadable value"
    ),
    _refused(
        "an address that is all logins",
        more("images: ['" + "://a:" * 700 + "']\n"),
        "is not a valid name",
    ),
    _refused("a merge that has no end", more("images: {<<: &a {<<: *a}}\n"), "merge keys"),
    _refused(
        "a tag that runs", more("images: !!python/object/apply:os.system [id]\n"), "not supported"
    ),
    _refused("a tag that imports", more("images: !!python/name:os.system\n"), "not supported"),
    _refused(
        "a tag of one's own", more("images: !<!owned> [a]\n"), "YAML tag '!owned' is not supported"
    ),
    _refused("a second document", more("---\naxes: {}\n"), "not valid YAML"),
    _refused("a key twice, by an escape", more('"ax\\x65s": {}\n'), "duplicate key 'axes'"),
]

TEMPLATES = [
    _refused(
        "a template that reaches for Python",
        more("{{ ''.__class__.__mro__[1].__subclasses__() }}\n", APP),
        "app.Dockerfile.j2",
        "unsafe",
        real=True,
    ),
    _refused(
        "a template that reaches for os",
        more("{{ cycler.__init__.__globals__.os.popen('id').read() }}\n", APP),
        "app.Dockerfile.j2",
    ),
    _refused(
        "a template that formats its way out",
        more("{{ '{0.__class__.__mro__}'.format(1) }}\n", APP),
        "app.Dockerfile.j2",
        "unsafe",
    ),
    _refused(
        "a template that counts for ever",
        more("{% for a in range(10 ** 9) %}x{% endfor %}\n", APP),
        "app.Dockerfile.j2",
        "OverflowError",
    ),
    _refused(
        "a template that includes a file", more('{% include "/etc/passwd" %}\n', APP), "no template"
    ),
    _refused(
        "a template that climbs", more('{% include "../matrix.yaml" %}\n', APP), "no template"
    ),
    _refused(
        "a template that takes what its image may not read",
        more("COPY ../../etc/passwd /x\n", APP),
        "there is no images/demo/etc/passwd",
    ),
    _refused(
        "a template with a pattern out of the tree",
        more("COPY --from=dockerfiles ../*.yaml /x\n", APP),
        "nothing matches",
    ),
    _refused(
        "a template with an image by a variable",
        more("FROM $EVIL\nRUN true\n", APP),
        "names an image by a variable that nothing sets",
    ),
]

LEDGERS = [
    Case(id=id, spoil=tampered(script), args=("status",), says=says, code=7, real=real)
    for id, script, says, real in (
        (
            "a ledger with a view that has no end",
            "DROP TABLE planned; CREATE VIEW planned AS WITH RECURSIVE n (x) AS"
            " (SELECT 'a' UNION ALL SELECT x FROM n) SELECT x AS build_id, x AS key FROM n",
            ("the ledger is damaged", "views or triggers"),
            True,
        ),
        (
            "a ledger with a trigger",
            "CREATE TRIGGER t AFTER INSERT ON made BEGIN DELETE FROM made; END",
            ("the ledger is damaged", "views or triggers"),
            False,
        ),
        (
            "a ledger with bytes for texts",
            "INSERT INTO planned VALUES (x'00ff', 'k')",
            ("the ledger is damaged", "a text is none"),
            False,
        ),
        (
            "a ledger with records of another form",
            "INSERT INTO built VALUES ('k', '" + "[" * 9_000 + "')",
            ("the ledger is damaged", "a record is not what it should be"),
            False,
        ),
    )
]

ADVERSARIAL = [
    *(*INJECTION, *NAMES, *SECRETS, *LINKS, *ENDLESS, *TEMPLATES, *LEDGERS),
]
