"""The documentation says what the program does: names, keys, codes, shapes and links."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import tasks
from factory import errors
from factory.calling import check_words
from factory.cluster.telling import Told
from factory.matrix import json_schema, parse_image, parse_matrix
from factory.model import (
    LAST,
    Action,
    Adoption,
    Audit,
    BuildRecord,
    Built,
    Cell,
    Check,
    CheckStatus,
    Cohort,
    ColdStart,
    ContentDifference,
    Difference,
    Excluded,
    Exemption,
    Explanation,
    Facts,
    FileCounts,
    FileDifference,
    FileLine,
    Finding,
    Foreseen,
    Gate,
    Health,
    Journal,
    Judged,
    Layer,
    Move,
    NotedFile,
    Outcome,
    Outdated,
    Pair,
    PairExplanation,
    PairRecord,
    Piece,
    Publication,
    Record,
    Release,
    ScanPolicy,
    SizeBudget,
    State,
    Status,
    Subject,
    Terms,
    Timing,
    Verdict,
)
from factory.pipeline import Prepared, prepare
from factory.report import documents
from factory.report.adoptions import adoption_document
from factory.report.audits import audit_document
from factory.report.locks import outdated_document
from factory.report.moves import resumed_document
from factory.scan.policy import judge
from factory.scan.report import Known, Report
from factory.scan.ruling import Bench
from factory.settings import Settings
from factory.verify.smoke.suite import COLD, FULL, SUITE
from tests.conftest import ROOT
from tests.unit.cluster.test_telling import NODES, WHOLE, place

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
KEYED_BY_DATA = {"axes", "base", "inputs", "resources", "verdicts"}
"""JSON objects whose keys are data: their shape is that of one value."""
WOULD = Foreseen(gate="build", action=Action.AGAIN, why="why")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def rows(text: str) -> list[list[str]]:
    """The cells of all tables' rows."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


# ------------------------------------------------------------------ commands


@pytest.mark.parametrize("name", sorted(tasks.ns.task_names))
def test_every_command_and_flag_is_described(name: str) -> None:
    names = ("commands", "commands-cluster", "export", "adopt")
    text = "".join(page(f"docs/{one}.md") for one in names)
    assert f"| `invoke {name}` |" in text
    for argument in tasks.ns[name].get_arguments():
        flag = "--" + argument.name.strip("_").replace("_", "-")
        assert re.search(rf"`[^`]*{flag}\b", text), f"{flag} of {name}"


_SAID = re.compile(r"(?:^\$ |`)(?:\./bootstrap\.sh )?invoke ([a-z][^`\n]*)", re.MULTILINE)
_ENDS = {"&&", "|", ">", "2>/dev/null", "--", "…"}
"""What of a shell's line is no more of the command."""

PROSE = ("--suite has no value", "there is no flag --pyhton")
"""What is wrong with those that are not whole, or are shown since they are wrong."""


def calls() -> list[str]:
    """Every call of the factory that a page shows, without what invoke never sees."""
    found: dict[str, None] = {}
    for path in PAGES:
        for text in _SAID.findall(path.read_text("utf-8").replace("\\\n", "")):
            words = shlex.split(text, comments=True)
            end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
            found[shlex.join(words[:end])] = None
    return sorted(found)


@pytest.mark.parametrize("call", calls())
def test_every_call_that_is_shown_is_one(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prose may name a command or flag without what goes with it."""
    words = shlex.split(call)
    monkeypatch.setattr("sys.argv", ["invoke", *words])
    try:
        check_words(tasks.ns, words)
        said = ""
    except errors.ConfigError as error:
        said = error.what
    assert said in ("", *PROSE) or said.startswith("it needs ")


def test_a_call_that_is_none_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "plan --format json" in calls()
    with pytest.raises(AssertionError):
        test_every_call_that_is_shown_is_one("plan --imge demo", monkeypatch)


def test_every_variable_of_the_factory_is_described() -> None:
    said = page("factory/settings.py") + page("bootstrap.sh")
    for variable in set(re.findall(r"FACTORY_[A-Z]+|XDG_[A-Z]+_HOME", said)):
        assert f"| `{variable}` |" in page("docs/commands.md"), variable


def exit_codes(kind: type[errors.FactoryError]) -> Iterator[int]:
    yield kind.exit_code
    for child in kind.__subclasses__():
        yield from exit_codes(child)


@pytest.mark.parametrize("name", ["README.md", "docs/commands.md"])
def test_the_table_of_exit_codes_is_that_of_the_errors(name: str) -> None:
    listed = {int(row[0]) for row in rows(page(name)) if row[0].isdigit()}
    assert listed == {0, *exit_codes(errors.FactoryError)}


# ------------------------------------------------------------- configuration


def keys_of(schema: object) -> Iterator[str]:
    """Every property name anywhere in a JSON Schema."""
    if isinstance(schema, dict):
        yield from schema.get("properties", ())
        for value in schema.values():
            yield from keys_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from keys_of(value)


@pytest.mark.parametrize(
    ("name", "text"), [("matrix", page("docs/matrix.md")), ("image", page("docs/images.md"))]
)
def test_every_key_of_the_schemas_is_in_its_table(name: str, text: str) -> None:
    described = {
        part.removesuffix("[]")
        for row in rows(text)
        for path in re.findall(r"^`([^`]+)`", row[0])
        for part in path.split(".")
    }
    missing = set(keys_of(json_schema(name))) - described
    assert not missing


def test_the_readmes_configuration_is_valid() -> None:
    [text] = blocks(page("README.md"), "yaml")
    matrix, _, _ = parse_matrix(text, registry="127.0.0.1:5000")
    assert [cell.id for cell in matrix.cells] == ["2.60.0-py311-cpu"]


def test_the_sample_of_an_image_is_valid() -> None:
    sample = blocks(page("docs/images.md"), "yaml")[0]
    cells = tuple(Cell(python="3.11", ray=ray, device="cpu") for ray in ("2.60.0", "2.55.1"))
    image = parse_image(sample, name="sample", folder="images/sample", cells=cells)
    assert image.for_cell(cells[1]).requirements == "requirements-2.55.txt"


# --------------------------------------------------------------------- gates


def test_every_smoke_check_is_in_the_table_with_its_limit() -> None:
    table = [row for row in rows(page("docs/verify.md")) if len(row) == 3]
    listed = [(row[0].strip("`"), row[1]) for row in table if row[0] != "`boot`"]
    suite = [(spec.name, f"{spec.limit:g}") for spec in SUITE]
    at = listed.index(suite[0])
    assert listed[at : at + len(suite)] == suite
    assert {"`launch`", "`boot`", "`own:…`", "`alive`"} <= {name for name, _, _ in table}


def test_what_only_one_suite_asks_is_marked_and_nothing_else() -> None:
    said = {row[0].strip("`"): row[2] for row in rows(page("docs/verify.md")) if len(row) == 3}
    for level in (FULL, COLD):
        marked = {spec.name for spec in SUITE if said[spec.name].startswith(level)}
        assert marked == {spec.name for spec in SUITE if spec.level == level}


def test_every_check_of_the_scan_is_named() -> None:
    checks = {"secrets", "misconfiguration", "size", "end-of-life"}
    checks |= {"vulnerabilities", "java-vulnerabilities", "exemptions"}
    policy = ScanPolicy(
        exemptions=(Exemption(id="CVE-1", reason="r", until="2027-01-31"),),
        sizes=(SizeBudget(mebibytes=1),),
    )
    report = Report(system="debian 12", java_skipped=True)
    bench = Bench(report=report, known=Known(), policy=policy, today=date(2026, 11, 29))
    found = judge(bench)
    assert {check.name for check in found} == checks
    for check in checks:
        assert f"\n| `{check}` |" in page("docs/scan.md")


# ---------------------------------------------------------------------- JSON


def shape(value: object, name: str = "") -> object:
    """Keys, and the shape of what is under them; of a list, that of its first item."""
    if isinstance(value, Mapping):
        if name in KEYED_BY_DATA:
            return {"…": shape(next(iter(value.values())))}
        return {key: shape(item, key) for key, item in value.items()}
    if isinstance(value, list):
        assert value, f"an empty list under {name!r} shows no shape"
        return [shape(value[0])]
    return "…"


@pytest.fixture
def prepared(tree: Path) -> Prepared:
    from factory.model import Selection

    return prepare(Settings.from_environment({"FACTORY_ROOT": str(tree)}), Selection())


def printed(prepared: Prepared) -> dict[str, object]:
    """Each document by its heading, with at least one item in every list."""
    matrix, plan = prepared.project.matrix, prepared.plan
    outcome = Outcome(verb="scan", subject="x", state=State.DONE, detail=("line",))
    builds = [planned.build for planned in plan.builds]
    excluded = Excluded(cell=builds[0].cell, reason="why", where="matrix.yaml:1:1")
    object.__setattr__(matrix, "excluded", (excluded,))
    pair = Pair(cohort="gpu-head", head=builds[0], workers=builds[1])
    object.__setattr__(matrix, "cohorts", (Cohort(name="gpu-head", where="matrix.yaml:1:1"),))
    object.__setattr__(plan, "pairs", (pair,))
    both = PairRecord(head="h", workers="w", verdict=verdict())
    together = Outcome(verb="verify", subject=pair.id, state=State.DONE)
    object.__setattr__(next(iter(plan.steps.values())), "unresolved", ("a tag",))
    finding = Finding(name="disk", state=Health.OK, what="60 GiB")
    return {
        "matrix": documents.matrix(matrix, builds, [pair]),
        "plan": documents.plan(plan, {}, targets=matrix.targets),
        "explain": documents.explanation(
            [explanation()], [PairExplanation(pair_id="p", cohort="c", gate=WOULD)]
        ),
        "build, scan, verify, publish, release": documents.outcomes(
            plan, [outcome, together], cold_starts=[started()], journals=[journal()]
        ),
        "verify --ref": documents.judged(judged()),
        "status": documents.status([record()], [both], [journal()]),
        "publish --resume, invoke rollback": resumed_document([outcome], [journal()]),
        "doctor": documents.doctor([finding]),
        "cluster.up, cluster.status, cluster.scale": [cluster_told().document()],
        "audit": audit_document(audited()),
        "adopt": adoption_document(adopted(), [verdict()], record().publications),
        "outdated": outdated_document([Outdated(kind="ray", name="n", now="1", builds=("b",))]),
    }


def cluster_told() -> Told:
    return Told(there=replace(WHOLE, places=(place("worker-1", "10.0.0.3"),)), nodes=NODES)


def journal() -> Journal:
    move = Move(target="local", repository="r", tag="t", before=None, after="sha256:1")
    return Journal(run="r", group="g", publications=(), moves=(move,), at="now")


def started() -> ColdStart:
    return ColdStart(
        build_id="b",
        full=Timing(seconds=1.0, runs=(1.0,), budget=2.0),
        throttled=None,
        release=Release(tag="t", target="local", at="now"),
        changed=("why",),
    )


def explanation() -> Explanation:
    difference = Difference(step="demo", input="epoch", what="why")
    return Explanation(
        build_id="b", key="k", against=LAST, other="o", differences=(difference,), gates=(WOULD,)
    )


def record() -> Record:
    built = Built(
        key="k", ref="r", image_id="i", config_digest="c", substituted_base=True, reason="new key",
        at="now", seconds=1.0,
    )  # fmt: skip  # only there to be printed
    place = Publication(
        build_id="b", key="k", target="local", repository="r", immutable="i", floating=("f",),
        manifest_digest="m", config_digest="c", at="now",
    )  # fmt: skip  # only there to be printed
    return Record(build_id="b", key="k", built=built, verdicts=(verdict(),), publications=(place,))


def verdict() -> Verdict:
    check = Check(name="boot", status=CheckStatus.PASS, detail=("line",))
    return Verdict(
        gate=Gate.SCAN, config_digest="c", basis="b", status=Status.PARTIAL, partial=("why",),
        checks=(check,),
    )  # fmt: skip  # only there to be printed


def adopted() -> Adoption:
    found = ContentDifference(
        packages={"pypi six": ("1", "2")},
        gone=("f",),
        new=("f",),
        sizes={"base": (1, 2)},
        judged=True,
    )
    return Adoption(
        build_id="b", ref="r", config_digest="c", own_digest="o", difference=found,
        layers=(Layer(made_by="sh", size=1),), at="now", files=files(),
    )  # fmt: skip  # only there to be printed


def files() -> FileDifference:
    counts = FileCounts(added=1)
    return FileDifference(
        on_own=True, shared=1, layers=1, total=counts, noise={"caches": counts},
        lines=(FileLine(path="/a", counts=counts),),
        noted=(NotedFile(path="/a", why="why", size=1),), unread=("why",),
    )  # fmt: skip  # only there to be printed


def judged() -> Judged:
    facts = Facts(ray="2.60.0", python="3.11", extras=("data",))
    return Judged(
        ref="r", facts=facts, suite="quick", workers=2, verdict=record().verdicts[0], cached=False
    )


def audited() -> Audit:
    step = {"kind": "base", "key": "k", "platform": "p"}
    made = BuildRecord(build_id="b", key="k", steps=(step,), base={"rootfs": "r"})
    said = replace(verdict(), partial=("why",))
    piece = Piece(about="scan", verdict=said, record=made)
    wrong = Piece(about="verify", verdict=said, why="why")
    return Audit(
        ref="r",
        subject=Subject(name="n", digest="d", config_digest="c"),
        terms=Terms(accept=frozenset({"why"})),
        pieces=(piece,),
        ignored=(wrong,),
        others=("type",),
        missing=("sbom",),
        refusals=("why",),
    )


def test_the_examples_of_json_have_the_shape_of_what_is_printed(prepared: Prepared) -> None:
    names = ("json", "evidence", "commands-cluster", "adopt")  # the first is full
    pages = "".join(page(f"docs/{name}.md") for name in names)
    sections = re.split(r"^## invoke ", pages, flags=re.MULTILINE)[1:]
    examples = {
        section.splitlines()[0]: json.loads(block)
        for section in sections
        for block in blocks(section, "json")
    }
    documented = {name: shape(example) for name, example in examples.items()}
    assert documented == {name: shape(document) for name, document in printed(prepared).items()}


# --------------------------------------------------------------------- links


def slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(path: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), link
        assert not anchor or anchor in anchors(file), link


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_is_short_and_finished(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    assert "@@" not in text


def test_the_readme_leads_to_every_page() -> None:
    for path in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in page("README.md"), path.name
