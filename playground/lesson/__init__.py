"""The lesson on `/`: seven steps on rows of their own, each of them really done, recorded and drawn."""
