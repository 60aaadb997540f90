"""The example project's settings, and an app of models that only the tests need."""

from config.settings import *  # noqa: F403
from config.settings import CACHEDEMO, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.notes"]

# The suite has servers of its own, and looks at their keys under the names that they have in production.
CACHEDEMO["TEST_ISOLATION"] = False
