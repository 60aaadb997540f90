import cachedemo
from tests.notes.models import Note, Paper, Sample, Tag


@cachedemo.register(Note)
class NoteCache(cachedemo.ModelCache):
    fields = ["title", "body", "size"]


@cachedemo.register(Tag)
class TagCache(cachedemo.ModelCache):
    fields = ["name"]
    queue = None


@cachedemo.register(Paper)
class PaperCache(cachedemo.ModelCache):
    fields = ["title", "nulled", "set", "defaulted", "own"]


@cachedemo.register(Sample)
class SampleCache(cachedemo.ModelCache):
    fields = ["price", "at", "day", "took", "ratio", "flags", "done", "paper", "coded"]
