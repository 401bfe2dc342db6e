import os
import secrets
import subprocess
import sys

from tests.stack import ROOT


def test_production_settings_pass_djangos_own_review():
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "project.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "sitewire.example",
    }
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert run.returncode == 0, run.stderr
