"""Addresses of the pages."""

from django.urls import path
from django.views.generic import TemplateView

from mqtt_app.dashboard import account, entrance, views, workbench
from mqtt_app.dashboard.policy import strict

app_name = "dashboard"

urlpatterns = [
    path("", views.overview_page, name="overview"),
    path("fragments/overview/", views.overview_fragment, name="overview-fragment"),
    path("sites/new/", views.wizard_page, name="site-new"),
    path("sites/<int:site_id>/", views.site_page, name="site"),
    path("fragments/sites/<int:site_id>/", views.site_fragment, name="site-fragment"),
    path("sites/<int:site_id>/settings/", views.settings_page, name="settings"),
    path("sites/<int:site_id>/topics/", workbench.topics_page, name="topics"),
    path("sites/<int:site_id>/topics/<int:pk>/", workbench.topic_page, name="topic"),
    path(
        "fragments/sites/<int:site_id>/topics/<int:pk>/",
        workbench.topic_fragment,
        name="topic-fragment",
    ),
    path("sites/<int:site_id>/tail/", workbench.tail_page, name="tail"),
    path("sites/<int:site_id>/mappings/", workbench.mappings_page, name="mappings"),
    path("sites/<int:site_id>/mappings/new/", workbench.bench_page, name="mapping-new"),
    path("sites/<int:site_id>/mappings/<int:pk>/", workbench.bench_page, name="mapping"),
    path("problems/", workbench.problems_page, name="problems"),
    path("fragments/problems/", workbench.problems_fragment, name="problems-fragment"),
    path("devices/", views.devices_page, name="devices"),
    path("devices.csv", views.devices_csv, name="devices-csv"),
    path("devices/<int:pk>/", views.device_page, name="device"),
    path("fragments/devices/<int:pk>/", views.device_fragment, name="device-fragment"),
    path("login/", entrance.login, name="login"),
    path("logout/", entrance.logout, name="logout"),
    path("account/", account.account_page, name="account"),
    path("account/tokens/", account.make_token, name="account-tokens"),
    path("account/tokens/<int:pk>/revoke/", account.revoke_token, name="account-token-revoke"),
    path("account/sessions/", account.end_sessions, name="account-sessions"),
    path("account/password/", account.change_password, name="password-change"),
    path("password-reset/", strict(account.ResetView.as_view()), name="password-reset"),
    path(
        "password-reset/sent/",
        strict(TemplateView.as_view(template_name="account/reset_sent.html")),
        name="password-reset-sent",
    ),
    path(
        "password-reset/done/",
        strict(TemplateView.as_view(template_name="account/set_done.html")),
        name="password-set-done",
    ),
    path(
        "password-reset/<uidb64>/<token>/", strict(account.SetView.as_view()), name="password-set"
    ),
]
