"""Addresses of the pages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from mqtt_app.dashboard import views
from mqtt_app.dashboard.policy import strict

app_name = "dashboard"

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("fragments/overview/", views.overview_fragment, name="overview-fragment"),
    path("sites/<int:site_id>/", views.site_page, name="site"),
    path("fragments/sites/<int:site_id>/", views.site_fragment, name="site-fragment"),
    path(
        "login/",
        strict(LoginView.as_view(template_name="dashboard/login.html", redirect_authenticated_user=True)),
        name="login",
    ),
    path("logout/", strict(LogoutView.as_view()), name="logout"),
]
