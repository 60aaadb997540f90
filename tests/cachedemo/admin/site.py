"""An admin site for the tests' models, and its URLs."""

from django import forms
from django.contrib.admin import AdminSite
from django.urls import path

from cachedemo.admin.model_admin import CachedModelAdmin, CachedStackedInline, CachedTabularInline
from tests.notes.models import Note, Sample
from users.models import User

site = AdminSite()


class NoteForm(forms.ModelForm):
    class Meta:
        widgets = {"body": forms.Textarea}


class NoteAdmin(CachedModelAdmin):
    form = NoteForm
    fields = ("title", "body", "size", "secret", "owner")
    list_display = ("id", "title", "body", "size")
    list_editable = ("title", "size")


class NoteInline(CachedTabularInline):
    model = Note
    fields = ("title", "body", "size")
    extra = 1


class StackedNoteInline(CachedStackedInline):
    model = Note
    fields = ("title", "body", "size")
    extra = 0


class OwnerAdmin(CachedModelAdmin):
    fields = ("name",)
    inlines = (NoteInline,)


class SampleAdmin(CachedModelAdmin):
    fields = ("price", "at", "day", "took", "ratio", "flags", "done", "paper", "coded")


site.register(Note, NoteAdmin)
site.register(User, OwnerAdmin)
site.register(Sample, SampleAdmin)

urlpatterns = [path("admin/", site.urls)]
