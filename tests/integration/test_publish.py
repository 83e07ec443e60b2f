"""Publishing real images to a real registry, and what stops it."""

from __future__ import annotations

import json
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from benchmarks.both_phases import BothPhases
from factory import process
from factory.engine import Engine
from factory.errors import Interrupted, PublishError, RegistryError
from factory.model import Built, Publication, Verdict
from factory.publish import Publisher, existing, local, move
from factory.registry import Manifest, Registry
from factory.settings import Settings
from tests.integration.registries import (
    Workshop,
    free_port,
    passed,
    registry_folder,
    settings_at,
    target_at,
)

pytestmark = pytest.mark.engine
IMAGE_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.connect()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A registry of the test's own, that logs each request."""
    monkeypatch.setitem(local.LOG, "accesslog", {"disabled": False})
    found = settings_at(tmp_path)
    local.ensure(found)
    yield found
    local.stop(found)


@pytest.fixture
def workshop(tmp_path: Path, engine: Engine) -> Iterator[Workshop]:
    found = Workshop(folder=tmp_path, engine=engine, name=f"app-{secrets.token_hex(4)}")
    yield found
    found.clean()


@dataclass
class Bench:
    """A publisher at the test's registry, with the eyes of a bystander."""

    settings: Settings
    engine: Engine
    workshop: Workshop

    def publisher(
        self,
        registry: Registry | None = None,
        verdicts_of: Callable[[str], Iterable[Verdict]] = lambda digest: (),
    ) -> BothPhases:
        publisher = Publisher(
            engine=self.engine,
            registry=registry or Registry(),
            target=target_at(self.settings.registry),
            locks=self.settings.cache / "locks",
            verdicts_of=verdicts_of,
            joints_of=lambda digest: (),
        )
        return BothPhases(publisher=publisher, ledger=self.settings.root / "ledger.sqlite")

    def publish(self, built: Built, known: Publication | None = None) -> Publication:
        planned = self.workshop.planned(built.key[0])
        return self.publisher().publish(planned, built, passed(built), known)

    @property
    def repository(self) -> str:
        return f"{self.settings.registry}/team/{self.workshop.name}"

    def tags(self, key: str = "a") -> dict[str, str | None]:
        planned = self.workshop.planned(key)
        names = (planned.immutable, *planned.floating)
        return {name: Registry().head(self.repository, name) for name in names}

    def requests(self) -> list[str]:
        """All that the registry was asked so far, as ``METHOD /path``."""
        log = (registry_folder(self.settings) / "registry.log").read_text()
        return re.findall(r'^127\.0\.0\.1 .*?"([A-Z]+ /v2/\S+)', log, re.MULTILINE)


@pytest.fixture
def bench(settings: Settings, engine: Engine, workshop: Workshop) -> Bench:
    return Bench(settings=settings, engine=engine, workshop=workshop)


def test_first_publication_names_one_manifest_under_every_tag(bench: Bench) -> None:
    built = bench.workshop.built("one")
    publication = bench.publish(built)
    assert set(bench.tags().values()) == {publication.manifest_digest}
    assert publication.config_digest == built.config_digest
    assert publication.repository == bench.repository
    manifest = Registry().require(bench.repository, "latest")
    assert json.loads(manifest.content)["config"]["digest"] == built.config_digest


def test_publishing_leaves_no_tag_of_its_own_in_the_engine(bench: Bench) -> None:
    built = bench.workshop.built("one")
    publication = bench.publish(built)
    name = f"{bench.repository}:{publication.immutable}"
    assert bench.engine.present([name, built.ref]) == {built.ref}


def test_second_publication_costs_one_head_a_tag(bench: Bench) -> None:
    built = bench.workshop.built("one")
    first = bench.publish(built)
    before = len(bench.requests())
    assert bench.publish(built, known=first) is first
    planned = bench.workshop.planned()
    names = (planned.immutable, *planned.floating)
    expected = [f"HEAD /v2/team/{bench.workshop.name}/manifests/{name}" for name in names]
    found = bench.requests()[before:]
    assert found[0] == expected[0]
    assert sorted(found) == sorted(expected)


def test_without_a_record_the_second_publication_reads_what_is_there(
    bench: Bench,
) -> None:
    built = bench.workshop.built("one")
    first = bench.publish(built)
    before = len(bench.requests())
    again = bench.publish(built)
    assert replace(again, at=first.at) == first
    methods = [request.split()[0] for request in bench.requests()[before:]]
    assert methods == ["HEAD", "GET", "GET", "HEAD", "HEAD"]


def test_a_new_key_moves_the_floating_tags_and_leaves_the_old_immutable_one(bench: Bench) -> None:
    old = bench.publish(bench.workshop.built("one", "a"))
    new = bench.publish(bench.workshop.built("two", "b"), known=old)
    assert new.manifest_digest != old.manifest_digest
    assert bench.tags("b") == dict.fromkeys(bench.tags("b"), new.manifest_digest)
    assert bench.tags("a")[old.immutable] == old.manifest_digest


def test_a_refusal_asks_the_registry_nothing_and_moves_nothing(bench: Bench) -> None:
    bench.publish(bench.workshop.built("one", "a"))
    before, requests = bench.tags("a"), len(bench.requests())
    new = bench.workshop.built("two", "b")
    with pytest.raises(PublishError) as caught:
        bench.publisher().publish(bench.workshop.planned("b"), new, passed(new)[:1])
    assert caught.value.detail == ("there is no verify verdict",)
    assert len(bench.requests()) == requests
    assert bench.tags("a") == before
    assert Registry().head(bench.repository, bench.workshop.planned("b").immutable) is None


def test_another_image_under_the_immutable_tag_is_refused_and_not_overwritten(
    bench: Bench,
) -> None:
    first = bench.publish(bench.workshop.built("one"))
    with pytest.raises(PublishError) as caught:
        bench.publish(bench.workshop.built("two"))
    assert caught.value.detail == ("there is no scan verdict", "there is no verify verdict")
    assert "invoke release" in caught.value.todo
    assert set(bench.tags().values()) == {first.manifest_digest}


def test_another_image_under_the_immutable_tag_is_adopted_if_it_passed(bench: Bench) -> None:
    one = bench.workshop.built("one")
    first = bench.publish(one)
    two = bench.workshop.built("two")
    publisher = bench.publisher(
        verdicts_of=lambda digest: passed(replace(one, config_digest=digest))
    )
    adopted = publisher.publish(bench.workshop.planned(), two, passed(two))
    assert adopted.config_digest == one.config_digest
    assert set(bench.tags().values()) == {first.manifest_digest}


@pytest.mark.parametrize("says", ["", f"{'a' * 12}{'b' * 52}"], ids=["no key", "another"])
def test_an_image_of_another_key_under_the_immutable_tag_is_refused_whatever_it_passed(
    bench: Bench, says: str
) -> None:
    """Its tag has the same twelve digits; its label tells the whole key."""
    foreign = bench.workshop.built("foreign", says=says)
    first = bench.publish(foreign)
    ours = bench.workshop.built("ours")
    publisher = bench.publisher(
        verdicts_of=lambda digest: passed(replace(foreign, config_digest=digest))
    )
    for known in (None, replace(first, key="b" * 64)):
        with pytest.raises(PublishError, match="another key") as caught:
            publisher.publish(bench.workshop.planned(), ours, passed(ours), known)
        assert caught.value.where == f"{bench.repository}:{first.immutable}"
        assert "never overwritten" in caught.value.todo
        with pytest.raises(PublishError, match="another key"):
            adopt(bench, ours, known)
    assert set(bench.tags().values()) == {first.manifest_digest}


def test_a_tag_overwritten_between_push_and_read_back_is_noticed(bench: Bench) -> None:
    other = bench.publish(bench.workshop.built("other", "b"))
    before = bench.tags("b")

    class Overtaken(Registry):
        """Somebody else's manifest takes the tag's place just before it is read back."""

        def get(self, repository: str, reference: str) -> Manifest | None:
            theirs = super().get(repository, other.manifest_digest)
            assert theirs
            self.put(repository, bench.workshop.planned("a").immutable, theirs)
            return super().get(repository, reference)

    ours = bench.workshop.built("ours", "a")
    with pytest.raises(PublishError, match="not the one that was judged"):
        bench.publisher(Overtaken()).publish(bench.workshop.planned("a"), ours, passed(ours))
    assert {tag: bench.tags("b")[tag] for tag in before} == before


def test_an_image_that_took_the_place_of_the_judged_one_in_the_engine_is_not_published(
    bench: Bench,
) -> None:
    judged = bench.workshop.built("judged")
    bench.workshop.built("swapped in under the same tag")
    # overlay2 keeps an image that lost its tag, and containerd does not
    if bench.engine.image(judged.image_id):
        assert bench.publish(judged).config_digest == judged.config_digest
    else:
        with pytest.raises(PublishError, match="gone from the engine"):
            bench.publish(judged)
        assert set(bench.tags().values()) == {None}


def test_an_image_that_is_gone_from_the_engine_is_named_with_what_makes_it_again(
    bench: Bench,
) -> None:
    built = bench.workshop.built("one")
    bench.engine.remove_image(built.ref)
    with pytest.raises(PublishError, match="gone from the engine") as caught:
        bench.publish(built)
    assert "invoke release" in caught.value.todo
    assert set(bench.tags().values()) == {None}


def test_a_floating_tag_that_somebody_moves_at_the_same_time_is_an_error(bench: Bench) -> None:
    other = bench.publish(bench.workshop.built("other", "b"))

    class Rival(Registry):
        """Moves each floating tag back right after it was moved."""

        def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
            super().put(repository, reference, manifest)
            theirs = self.require(repository, other.manifest_digest)
            return super().put(repository, reference, theirs)

    ours = bench.workshop.built("ours", "a")
    with pytest.raises(PublishError, match="at the same time"):
        bench.publisher(Rival()).publish(bench.workshop.planned("a"), ours, passed(ours))


def test_an_index_under_the_immutable_tag_is_met_with_a_clear_error(bench: Bench) -> None:
    built = bench.workshop.built("one")
    planned = bench.workshop.planned()
    single = bench.publish(bench.workshop.built("other", "b"))
    manifest = Registry().require(bench.repository, single.manifest_digest)
    entry = {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "platform": {"architecture": "amd64", "os": "linux"},
    }
    index = {"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": [entry]}
    content = json.dumps(index).encode()
    Registry().put(
        bench.repository, planned.immutable, Manifest(content=content, media_type=IMAGE_INDEX)
    )
    with pytest.raises(PublishError, match="index of several images"):
        bench.publish(built)


def test_an_unreachable_registry_is_named_and_nothing_is_left_behind(
    tmp_path: Path, engine: Engine, workshop: Workshop
) -> None:
    settings = settings_at(tmp_path, free_port())
    bench = Bench(settings=settings, engine=engine, workshop=workshop)
    built = workshop.built("one")
    with pytest.raises(RegistryError, match="cannot be reached") as caught:
        bench.publish(built)
    assert settings.registry in str(caught.value)
    assert caught.value.todo
    assert engine.present([f"{bench.repository}:{workshop.planned().immutable}"]) == set()


def test_a_push_that_fails_says_what_docker_said_and_leaves_no_tag(bench: Bench) -> None:
    class NeverThere(Registry):
        """Says that nothing is there, so that the push is tried although the registry is gone."""

        def head(self, repository: str, reference: str) -> str | None:
            return None

    built = bench.workshop.built("one")
    local.stop(bench.settings)
    with pytest.raises(PublishError, match="could not be pushed") as caught:
        bench.publisher(NeverThere()).publish(bench.workshop.planned(), built, passed(built))
    assert "refused" in " ".join(caught.value.detail)
    name = f"{bench.repository}:{bench.workshop.planned().immutable}"
    assert bench.engine.present([name]) == set()


def test_an_interrupt_in_mid_push_leaves_no_tag_in_the_engine(
    tmp_path: Path, engine: Engine, workshop: Workshop
) -> None:
    class NeverThere(Registry):
        """Says that nothing is there, so that the push is tried at a port that never answers."""

        def head(self, repository: str, reference: str) -> str | None:
            return None

    built = workshop.built("one")
    bench = Bench(settings=settings_at(tmp_path), engine=engine, workshop=workshop)
    name = f"{bench.repository}:{workshop.planned().immutable}"
    seen: list[set[str]] = []

    def interrupt() -> None:
        deadline = time.monotonic() + 60
        while not engine.present([name]) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)  # so that `docker push` has most likely begun
        seen.append(engine.present([name]))
        process.cancel_all()

    port = int(bench.settings.registry.rpartition(":")[2])
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        with socket.create_server(("127.0.0.1", port)), pytest.raises(Interrupted):
            bench.publisher(NeverThere()).publish(workshop.planned(), built, passed(built))
    finally:
        interrupting.join()
        process.reset()
    assert seen == [{name}]
    assert engine.present([name]) == set()


@pytest.mark.parametrize("verb", ["push", "pull"])
def test_a_registry_that_never_answers_docker_ends_with_its_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr(move, "_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        name = f"127.0.0.1:{silent.getsockname()[1]}/team/app:one"
        bench.engine.tag(bench.workshop.built("one").ref, name)
        try:
            with pytest.raises(PublishError, match="nothing moved within 0 minutes") as caught:
                move.docker(verb, name, failed="nothing moved", todo="wait")
        finally:
            bench.engine.remove_image(name)
    assert (caught.value.where, caught.value.todo) == (name, "wait")


def test_of_two_publishers_of_one_key_the_first_image_stays(bench: Bench) -> None:
    one = bench.workshop.built("one")
    other_shop = Workshop(
        folder=bench.workshop.folder, engine=bench.engine, name=f"{bench.workshop.name}-other"
    )
    two = other_shop.built("two")
    results: list[Publication | PublishError] = []

    def publish(built: Built) -> None:
        try:
            results.append(bench.publish(built))
        except PublishError as error:
            results.append(error)

    threads = [threading.Thread(target=publish, args=(built,)) for built in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other_shop.clean()
    won = [result for result in results if isinstance(result, Publication)]
    assert len(won) == 1
    assert set(bench.tags().values()) == {won[0].manifest_digest}


def adopt(bench: Bench, ours: Built | None, known: Publication | None = None) -> Built | None:
    planned = bench.workshop.planned()
    return existing(
        bench.engine,
        Registry(),
        planned,
        target_at(bench.settings.registry),
        ref=bench.workshop.built("ours").ref,
        substituted_base=True,
        ours=ours,
        known=known,
    )


def test_nothing_is_adopted_where_nothing_is_published_or_it_is_ours(bench: Bench) -> None:
    ours = bench.workshop.built("ours")
    assert adopt(bench, ours) is None
    known = bench.publish(ours)
    assert adopt(bench, ours) is None
    before = len(bench.requests())
    assert adopt(bench, ours, known) is None
    assert len(bench.requests()) == before + 1


def test_what_is_published_under_our_key_takes_the_place_of_ours(bench: Bench) -> None:
    theirs = bench.workshop.built("theirs")
    published = bench.publish(theirs)
    ours = bench.workshop.built("ours")
    adopted = adopt(bench, ours)
    assert adopted is not None
    assert adopted.reason == "adopted from local"
    assert adopted.config_digest == theirs.config_digest != ours.config_digest
    assert adopted.substituted_base
    assert bench.engine.config_digest(adopted.ref) == theirs.config_digest
    image = bench.engine.image(adopted.ref)
    assert image
    assert image.tags == (adopted.ref,)
    again = bench.publish(replace(adopted, substituted_base=False))
    assert again.manifest_digest == published.manifest_digest
