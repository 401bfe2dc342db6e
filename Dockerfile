# One image for every process; docker-compose.yml says which one a container runs.
FROM python:3.11.14-slim-bookworm
# FORWARDED_ALLOW_IPS: uvicorn believes no forwarding header; project/web/proxies.py judges them by TRUSTED_PROXIES.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 FORWARDED_ALLOW_IPS="" DJANGO_SETTINGS_MODULE=project.settings.production
WORKDIR /app
RUN groupadd --gid 10001 sitewire && useradd --uid 10001 --gid sitewire --no-create-home --home-dir /tmp sitewire
COPY requirements/base.lock requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/base.lock
COPY manage.py ./
COPY project project
COPY mqtt_app mqtt_app
COPY tasks tasks
# The file system is read-only at run time, and compiling 700 files takes each process seconds.
RUN python -m compileall -q manage.py project mqtt_app tasks
USER 10001:10001
CMD ["python", "-m", "uvicorn", "project.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-proxy-headers"]
