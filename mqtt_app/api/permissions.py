"""Each view says which action each of its methods is; what the viewer may do decides.

A site that the viewer does not see is missing (404), whether there is one or not. What is seen and
not allowed is 403, with a sentence that names the role or the scope that is needed.
"""

from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from mqtt_app.domain.access import Action
from mqtt_app.selectors.visibility import Viewer, viewer_of

Needs = Mapping[str, tuple[Action, ...]]
"""Method -> actions, any of which opens the view. A method that changes something and is not named
is ADMINISTER.
"""


class ByRole(BasePermission):
    """Judges by these attributes of a view, all of them optional:

    needs           see `Needs`; reading is VIEW
    site_kwarg      name of the part of the address that holds the site's id
    site_of_object  True: the site is known only from the row (`has_object_permission`)
    tells_nobody    True: whoever may do it nowhere gets 403 without a look at the site
    """

    message = ""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method not in view.allowed_methods:
            return True  # and is told so: 405
        viewer, needed = viewer_of(request), _needed(request, view)
        if getattr(view, "tells_nobody", False) and not self._allows(viewer, needed, None):
            return False
        if getattr(view, "site_of_object", False):
            return True
        site_id = view.kwargs.get(getattr(view, "site_kwarg", ""))
        if site_id is not None and not viewer.sees(site_id):
            raise NotFound(f"There is no site {site_id}.")
        return needed == (Action.VIEW,) or self._allows(viewer, needed, site_id)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        if not getattr(view, "site_of_object", False):
            return True
        return self._allows(viewer_of(request), _needed(request, view), obj.site_id)

    def _allows(self, viewer: Viewer, actions: tuple[Action, ...], site_id: int | None) -> bool:
        refusals = [viewer.refusal(action, site_id) for action in actions]
        self.message = refusals[0]
        return "" in refusals


def _needed(request: Request, view: APIView) -> tuple[Action, ...]:
    if request.method in SAFE_METHODS:
        return (Action.VIEW,)
    needs: Needs = getattr(view, "needs", {})
    return needs.get(request.method or "", (Action.ADMINISTER,))
