"""The tabs at the top of each of our pages: the name of the page's URL, and what the tab says."""

TABS = (
    ("changelist", "Overview"),
    ("versions", "Versions"),
    ("keys", "Keys"),
    ("live", "Live"),
    ("queue", "Flush queue"),
    ("server", "Servers"),
    ("history", "History"),
    ("danger", "Danger zone"),
)
