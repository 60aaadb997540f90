"""The cache's keys as a tree of their prefixes: version, then rows and hints, as beat has counted them."""

from dataclasses import dataclass, field

from cachedemo.operations import keyspace
from cachedemo.operations.keyspace import Group, Survey
from cachedemo.protocol import aliases, hint_slots, slot_keys
from cachedemo.servers.key_prefix import prefix


@dataclass
class Branch:
    """One prefix, with the longer ones that begin like it.

    Attributes:
        prefix: of the keys, for a search; empty where it is a name for several.
        what: in words.
    """

    name: str
    prefix: str
    what: str
    groups: list[Group] = field(default_factory=list)
    branches: list["Branch"] = field(default_factory=list)

    @property
    def keys(self) -> int:
        return sum(group.keys for group in self._all())

    @property
    def memory(self) -> int | None:
        known = [group.memory for group in self._all() if group.memory is not None]
        return sum(known) if known else None

    def _all(self) -> list[Group]:
        return [*self.groups, *(group for branch in self.branches for group in branch._all())]


def branches(survey: Survey | None) -> list[Branch]:
    """Return the first branches: the versions, the newest first, and what is not ours."""
    found: dict[str, Branch] = {}
    foreign = Branch("not ours", "", "counted and never touched")
    theirs = {group.name for group in keyspace.foreign(survey)}
    for group in sorted(survey.groups.values() if survey else (), key=lambda group: group.name):
        if group.name in theirs:
            foreign.branches.append(Branch(group.name, "", "", [group]))
            continue
        version = found.setdefault(group.version, Branch(f"v{group.version}:", "", f"version {group.version}"))
        version.branches.append(_leaf(group))
    newest_first = [found[version] for version in sorted(found, key=int, reverse=True)]
    for version in newest_first:
        version.branches.sort(key=lambda branch: branch.name)
    return [*newest_first, foreign] if foreign.branches else newest_first


def _leaf(group: Group) -> Branch:
    name = slot_keys.PREFIX.fullmatch(group.name)[2]  # type: ignore[index]
    of_rows, attname = hint_slots.split(name)
    model, using = aliases.split(of_rows)
    what = f"hints: which {model} has a value of {attname}" if attname else f"slots: the cached rows of {model}"
    where = f", in {using}" if using != "default" else ""
    return Branch(f"{name}:", f"{prefix(using)}{group.name}", what + where, [group])
