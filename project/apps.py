"""Django's own apps as this project uses them."""

from django.contrib.admin.apps import AdminConfig


class SitewireAdminConfig(AdminConfig):
    default_site = "mqtt_app.admin_site.SitewireAdminSite"
