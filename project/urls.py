"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path

from mqtt_app.admin.audited import password_change
from mqtt_app.api.health import livez, metrics_page, readyz

urlpatterns = [
    path("admin/password_change/", admin.site.admin_view(password_change, cacheable=True)),
    path("admin/", admin.site.urls),
    path("api/", include("mqtt_app.api.urls")),
    path("livez", livez, name="livez"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics_page, name="metrics"),
    path("", include("mqtt_app.dashboard.urls")),
]
handler500 = "mqtt_app.api.errors.server_error"
