"""A deploy renames a field, and the cache still holds what last week's code wrote."""

from playground.lab.sides import Side
from playground.lab.stage import Finding, Stage

TITLE = "A schema change without a version"
STORY = "Last week's code called the field full_name. This week's calls it name, and ten people open their page."
ASSERTION = "Every page greets its user by name."
NAIVE = "The key says nothing of the schema, so this week's code gets last week's object and looks for a field in vain."
OURS = "The key begins with the version of the fields, so last week's entries are nobody's until they expire."
BREAKS = ("note", "Last week")
PKS = range(40, 50)


def play(side: Side, stage: Stage) -> Finding:
    for pk in PKS:
        side.leave_last_weeks_entry(pk)
    stage.note("Last week's code has filled the cache. This week's is deployed.")
    stage.shows("page", lambda: f"Hello {side.read(PKS[0])['name']}")
    crashed = sum(not _greets(side, pk) for pk in PKS)
    numbers = [("pages opened", str(len(PKS))), ("crashed with KeyError", str(crashed))]
    return Finding(crashed > 0, numbers)


def _greets(side: Side, pk: int) -> bool:
    try:
        return bool(f"Hello {side.read(pk)['name']}")
    except KeyError:
        return False
