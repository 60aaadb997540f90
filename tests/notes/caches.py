import cachedemo
from tests.notes.models import Note, Sample


@cachedemo.register(Note)
class NoteCache(cachedemo.ModelCache):
    fields = ["title", "body", "size"]


@cachedemo.register(Sample)
class SampleCache(cachedemo.ModelCache):
    fields = ["price", "at", "day", "took", "ratio", "flags", "done"]
