"""The place where cases are tried: registries, images, and the publisher that is put to the test.

All that it knows of how the factory publishes is in ``Attempt``: a publisher that works in other
steps is wired in there.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import both_phases, tiny
from benchmarks.distribution import PASSWORD, USER, distribution
from benchmarks.faults import family, vouched
from benchmarks.faults.cases import PUBLISHES, VOUCHED, Kind
from benchmarks.faults.proxy import proxying
from benchmarks.faults.referring import referring
from factory.engine import Engine
from factory.ledger import Ledger
from factory.model import (
    Build,
    Built,
    Cell,
    Group,
    Plan,
    PlannedBuild,
    Publication,
    Target,
)
from factory.publish import Candidate, Promoter, Publisher
from factory.registry import Copier, Registry
from factory.registry.credentials import Credentials
from factory.settings import Settings

CELL = Cell(python="3.11", ray="2.60.0", device="cpu")
OLD, NEW = "a" * 64, "b" * 64
"""The keys of what is published already, and of what is published next."""

SECRETS = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
_LAYER_BYTES = 60_000


def registry(*, patient: bool = True) -> Registry:
    """A client with the credentials of the guarded registry, which others do not ask for."""
    known = Credentials(username=USER, secret=PASSWORD)
    made = Registry(lambda _key: known)
    return made if patient else made.hasty()


def planned(image: str, key: str) -> PlannedBuild:
    """A build of a key, with the tags that every build gets."""
    return PlannedBuild(
        build=Build(image=image, cell=CELL),
        steps=(key,),
        immutable=f"{CELL.id}-{key[:12]}",
        floating=(CELL.id, "latest"),
    )


Reach = Callable[[str], AbstractContextManager[None]]


def here(_host: str) -> AbstractContextManager[None]:
    """What it takes for the engine of this machine to know a port of it: nothing."""
    return nullcontext()


@dataclass(kw_only=True)
class House:
    """Two registries and two images, of one build before and after a change.

    Attributes:
        folder: for configuration and locks.
        hosts: of the registries, by kind; ``source`` holds what is promoted between two.
        images: by key, as the engine has them.
        digests: of their manifests, by key: as an undisturbed run publishes them.
        reach: makes ``host:port`` of this machine known to the engine, if it is another one's.
        when_struck: what is done when a request meets a fault, before it does.
    """

    engine: Engine
    folder: Path
    hosts: Mapping[Kind, str]
    source: str
    images: Mapping[str, Built]
    digests: dict[str, str] = field(default_factory=dict)
    reach: Reach = here
    when_struck: Callable[[], None] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What ``docker push`` takes its login from."""
        return {"DOCKER_CONFIG": str(self.folder / "docker")}

    @property
    def settings(self) -> Settings:
        """In whose folders it is remembered what was attached."""
        return vouched.settings_at(self.folder / "vouched")

    def log_in(self, host: str) -> None:
        """Have Docker know the password for a host."""
        folder = self.folder / "docker"
        folder.mkdir(exist_ok=True)
        auths = {host: {"auth": SECRETS[1]}}
        (folder / "config.json").write_text(json.dumps({"auths": auths}))

    def seed(self) -> None:
        """Publish both images, undisturbed, where promotions take them from; they are copied to all
        other places from there."""
        for key, built in self.images.items():
            attempt = Attempt(house=self, kind=Kind.OPEN, image="seed", key=key, host=self.source)
            self.digests[key] = attempt.publish().manifest_digest
            assert built.config_digest
        digests = [one.config_digest for one in self.images.values()]
        vouched.keep_materials(self.settings, {one: vouched.materials(one, 1) for one in digests})

    def prepare(self, kind: Kind, image: str) -> None:
        """Have the old image published under a name of its own, and the new one where promotions
        within a registry take it from."""
        client = registry()
        copier = Copier(client)
        seed = f"{self.source}/team/seed"
        host = self.hosts[kind]
        old = client.require(seed, self.digests[OLD])
        copier.image(seed, f"{host}/team/{image}", old, planned(image, OLD).immutable)
        for tag in planned(image, OLD).floating:
            client.put(f"{host}/team/{image}", tag, old)
        staging = {
            Kind.WITHIN: f"{host}/staging/{image}",
            Kind.BETWEEN: f"{self.source}/staging/{image}",
        }
        if kind in staging:
            new = client.require(seed, self.digests[NEW])
            copier.image(seed, staging[kind], new, planned(image, NEW).immutable)
            for tag in planned(image, NEW).floating:
                client.put(staging[kind], tag, new)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One publication, or promotion, of an image of a key.

    Attributes:
        image: its name, which no other case has.
        host: by which the target is reached: a proxy's, or the registry's own.
        source: by which the source of a promotion is; the real one where it is not said.
        team: what comes before the image's name.
    """

    house: House
    kind: Kind
    image: str
    key: str
    host: str
    source: str = ""
    team: str = "team"

    def run(self) -> None:
        """Publish or promote it.

        Raises:
            FactoryError: it did not work.
        """
        if self.kind in PUBLISHES:
            self.publish()
        elif self.kind in VOUCHED:
            self.vouch()
        else:
            self.promote()

    def publish(self) -> Publication:
        """As ``invoke publish`` does."""
        house, built = self.house, self.house.images[self.key]
        house.log_in(self.host)
        publisher = Publisher(
            engine=house.engine,
            registry=registry(),
            target=Target(name="prod", registry=f"{self.host}/team"),
            locks=house.folder / "locks",
            verdicts_of=lambda _digest: (),
            joints_of=lambda _digest: (),
            environment=house.environment,
        )
        with Ledger.open(house.folder / f"{self.image}.sqlite") as ledger:
            build = planned(self.image, self.key)
            return both_phases.publish(publisher, ledger, build, built, tiny.passed(built))

    def vouch(self) -> None:
        """As ``invoke publish`` does, evidence included."""
        house, build = self.house, planned(self.image, self.key)
        group = Group(name=build.build.id, builds=(build.build,))
        plan = Plan(steps=vouched.steps_of([build]), builds=(build,), groups=(group,))
        with Ledger.open(house.folder / f"{self.team}-{self.image}.sqlite") as ledger:
            shop = family.shop(
                plan,
                {build.build: house.images[self.key]},
                engine=house.engine,
                registry=registry(),
                ledger=ledger,
                target=Target(name="prod", registry=f"{self.host}/{self.team}"),
                locks=house.folder / "locks",
                run_id="soak",
                evidence=house.settings,
            )
            family.publish(shop)

    def promote(self) -> Copier:
        """As ``invoke promote`` does; what did it, which has counted."""
        house, built, client = self.house, self.house.images[self.key], registry()
        build = planned(self.image, self.key)
        within = self.kind is Kind.WITHIN
        source = self.host if within else self.source or house.source
        published = Publication(
            build_id=build.build.id,
            key=self.key,
            target="staging",
            repository=f"{source}/staging/{self.image}",
            immutable=build.immutable,
            floating=build.floating,
            manifest_digest=house.digests[self.key],
            config_digest=built.config_digest,
            at="",
        )
        promoter = Promoter(
            registry=client,
            copier=Copier(client),
            source=Target(name="staging", registry=f"{source}/staging"),
            target=Target(name="prod", registry=f"{self.host}/team"),
            locks=house.folder / "locks",
        )
        candidate = Candidate(
            planned=build, built=built, published=published, verdicts=tiny.passed(built)
        )
        with Ledger.open(house.folder / f"{self.image}.sqlite") as ledger:
            both_phases.promote(promoter, ledger, [candidate])
        return promoter.copier


@contextmanager
def house(
    folder: Path, reach: Reach = here, when_struck: Callable[[], None] | None = None
) -> Iterator[House]:
    """Set it up, and take all of it away again."""
    engine = Engine.connect()
    mark = secrets.token_hex(4)
    shared = tiny.Layer(seed=f"{mark} shared", size=_LAYER_BYTES)
    wanted = [
        tiny.Tiny(
            ref=f"factory.invalid/faults-{mark}:{key[:12]}",
            key=key,
            layers=(shared, tiny.Layer(seed=f"{mark} {key}", size=_LAYER_BYTES)),
        )
        for key in (OLD, NEW)
    ]
    images = tiny.load(engine, folder, wanted)
    try:
        with ExitStack() as stack:
            enter = stack.enter_context
            opened = enter(distribution(folder / "open"))
            guarded = enter(distribution(folder / "guarded", guarded=True))
            source = enter(distribution(folder / "source"))
            listing = enter(proxying(enter(referring(opened)))).host
            for host in (opened, guarded, source):
                enter(reach(host))
            made = House(
                reach=reach,
                when_struck=when_struck,
                engine=engine,
                folder=folder,
                hosts={**dict.fromkeys(Kind, opened), Kind.GUARDED: guarded, Kind.LISTED: listing},
                source=source,
                images={one.key: images[one.ref] for one in wanted},
            )
            made.seed()
            yield made
    finally:
        for ref in images:
            engine.remove_image(ref)
