from django.urls import path
from rest_framework import serializers
from rest_framework.permissions import DjangoModelPermissionsOrAnonReadOnly
from rest_framework.views import APIView

from cachedemo.views import CachedRowMixin, Changes, changes_in
from users.models import User


class UserSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["name", "email", "visits"]
        extra_kwargs = {"email": {"validators": []}}  # whether it is taken, the write itself decides


class UserView(CachedRowMixin, APIView):
    model = User
    queryset = User.objects.none()  # says to DRF's permissions which model it is
    permission_classes = [DjangoModelPermissionsOrAnonReadOnly]

    def get_changes(self) -> Changes:
        changes = changes_in(self.get_cache(), self.request.data)
        serializer = UserSerializer(data=changes.fields, partial=self.request.method == "PATCH")
        serializer.is_valid(raise_exception=True)
        return changes._replace(fields=serializer.validated_data)


urlpatterns = [path("users/<int:pk>", UserView.as_view()), path("<pattern>/users/<int:pk>", UserView.as_view())]
