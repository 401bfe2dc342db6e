"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from mqtt_app.api.health import livez, metrics_page, readyz
from mqtt_app.dashboard.entrance import entrance, exit_of

urlpatterns = [
    path("admin/login/", entrance(admin.site.login)),
    path("admin/logout/", exit_of(admin.site.logout)),
    path("admin/password_change/", RedirectView.as_view(pattern_name="dashboard:password-change")),
    path("admin/", admin.site.urls),
    path("api/", include("mqtt_app.api.urls")),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics_page, name="metrics"),
    path("", include("mqtt_app.dashboard.urls")),
]
handler500 = "mqtt_app.api.errors.server_error"
