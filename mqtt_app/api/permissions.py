"""Members read their sites; only superusers change anything."""

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class SuperuserWrites(BasePermission):
    message = "Only a superuser may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not user or not user.is_authenticated:
            return False
        return request.method in SAFE_METHODS or bool(getattr(user, "is_superuser", False))
