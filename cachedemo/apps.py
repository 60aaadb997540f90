from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CachedemoConfig(AppConfig):
    name = "cachedemo"
    verbose_name = "Cache"

    def ready(self) -> None:
        autodiscover_modules("caches")
