"""The one column that a cached model needs."""

from django.db import models


class Stamped(models.Model):
    """A model whose rows remember the stamp of the last write that reached them.

    Inherit from it to register a model with `cachedemo.register`. `cache_stamp` holds microseconds since the
    epoch, handed out by the queue and strictly increasing; 0 means that no write through the cache ever reached
    the row. Never set it by hand.
    """

    cache_stamp = models.BigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True
