"""What may happen to the files of a project: each says which builds it reaches. Pure."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from benchmarks.identity.sample import IGNORE, Mutated, Node, Sample, folder_of, left_out


def _files(sample: Sample, *, read: bool) -> list[str]:
    """Plain files that some Dockerfile takes in, or that none does."""
    return [
        path
        for path, node in sample.nodes.items()
        if not node.link and not node.folder and not path.endswith(IGNORE)
        if bool(sample.readers(path)) is read
    ]


def _other(node: Node) -> Node:
    return replace(node, text=f"{node.text}one line more\n")


def _reaching(sample: Sample, after: Sample, *paths: str) -> Mutated:
    return after, sample.reached_by(*paths)


def edit(sample: Sample, random: Random, *, read: bool = True) -> Mutated:
    path = random.choice(_files(sample, read=read))
    return _reaching(sample, sample.with_node(path, _other(sample.nodes[path])), path)


def same_size(sample: Sample, random: Random) -> Mutated:
    """Same length, same times: nothing but the content tells."""
    path = random.choice(_files(sample, read=True))
    node = sample.nodes[path]
    text = node.text.translate(str.maketrans("0123456789e", "1234567890o"))
    return _reaching(sample, sample.with_node(path, replace(node, text=text)), path)


def executable(sample: Sample, random: Random) -> Mutated:
    path = random.choice(_files(sample, read=True))
    node = sample.nodes[path]
    mode = 0o644 if node.mode & 0o100 else 0o755
    return _reaching(sample, sample.with_node(path, replace(node, mode=mode)), path)


def _in_folder(sample: Sample, random: Random) -> str:
    """A folder that is copied whole."""
    return f"{folder_of(random.choice(sample.having('folder')))}/app"


def retarget(sample: Sample, random: Random) -> Mutated:
    path = f"{_in_folder(sample, random)}/link"
    return _reaching(sample, sample.with_node(path, Node(link="lib/util.txt")), path)


def link_to_file(sample: Sample, random: Random) -> Mutated:
    folder = _in_folder(sample, random)
    node = sample.nodes[f"{folder}/main.txt"]
    return _reaching(sample, sample.with_node(f"{folder}/link", node), f"{folder}/link")


def add(sample: Sample, random: Random, *, name: str = "new.txt") -> Mutated:
    path = f"{_in_folder(sample, random)}/{name}"
    return _reaching(sample, sample.with_node(path, Node(text="new\n")), path)


def add_folder(sample: Sample, random: Random) -> Mutated:
    path = f"{_in_folder(sample, random)}/hollow"
    return _reaching(sample, sample.with_node(path, Node(folder=True)), path)


def remove(sample: Sample, random: Random) -> Mutated:
    path = f"{_in_folder(sample, random)}/lib/util.txt"
    return _reaching(sample, sample.without(path), path)


def rename(sample: Sample, random: Random) -> Mutated:
    old = f"{_in_folder(sample, random)}/run"
    new = f"{old}-renamed"
    return _reaching(sample, sample.without(old).with_node(new, sample.nodes[old]), old, new)


def move_down(sample: Sample, random: Random) -> Mutated:
    old = f"{_in_folder(sample, random)}/run"
    new = old.replace("/run", "/lib/run")
    return _reaching(sample, sample.without(old).with_node(new, sample.nodes[old]), old, new)


def swap(sample: Sample, random: Random) -> Mutated:
    """The same contents, the other way round."""
    folder = f"{folder_of(random.choice(sample.having('wildcard')))}/conf"
    first, second = (f"{folder}/{name}.conf" for name in "ab")
    after = sample.with_node(first, sample.nodes[second])
    return _reaching(sample, after.with_node(second, sample.nodes[first]), first, second)


def matched(sample: Sample, random: Random) -> Mutated:
    path = f"{folder_of(random.choice(sample.having('wildcard')))}/conf/c.conf"
    return _reaching(sample, sample.with_node(path, Node(text="new\n")), path)


def rule(sample: Sample, random: Random, *, rule: str, about: str) -> Mutated:
    """A line more in the .dockerignore of a folder that is copied whole."""
    folder = folder_of(random.choice(sample.having("folder")))
    file, path = f"{folder}/{IGNORE}", f"{folder}/{about}"
    node = sample.nodes[file]
    after = sample.with_node(file, replace(node, text=f"{node.text}{rule}\n"))
    # What is ignored is read by whoever would read it under a name that is not.
    bare = path.removesuffix(".tmp")
    return _reaching(sample, after, path, bare, file)


def unread(sample: Sample, random: Random, *, how: str) -> Mutated:
    path = random.choice(_files(sample, read=False))
    if how == "remove":
        return sample.without(path), ()
    new = f"{path}-renamed.tmp"  # ignored wherever it is
    return sample.without(path).with_node(new, sample.nodes[path]), ()


def appears(sample: Sample, random: Random, *, name: str) -> Mutated:
    path = f"{folder_of(random.choice(list(sample.parts)))}/{name}"
    return _reaching(sample, sample.with_node(path, Node(text="new\n")), path)


def ignored(sample: Sample, random: Random, *, name: str) -> Mutated:
    path = f"{folder_of(random.choice(list(sample.parts)))}/{name}"
    assert left_out(path)
    return sample.with_node(path, Node(text="changed\n")), ()


def own_mode(sample: Sample, random: Random) -> Mutated:
    """A file that is copied with a mode that its Dockerfile says becomes executable."""
    path = f"{folder_of(random.choice(sample.having('own mode')))}/moded.txt"
    return _reaching(sample, sample.with_node(path, replace(sample.nodes[path], mode=0o755)), path)


def touch(sample: Sample, random: Random) -> Mutated:
    nodes = {
        path: replace(node, mtime=random.randrange(10**9)) for path, node in sample.nodes.items()
    }
    return replace(sample, nodes=nodes), ()


def umask(sample: Sample, random: Random) -> Mutated:
    plain, run = random.choice([(0o600, 0o700), (0o664, 0o775), (0o640, 0o750), (0o666, 0o777)])
    nodes = {
        path: replace(node, mode=run if node.mode & 0o100 else plain)
        for path, node in sample.nodes.items()
    }
    return replace(sample, nodes=nodes), ()
