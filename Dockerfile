# One image for every process; docker-compose.yml says which one a container runs.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=project.settings.production
WORKDIR /app
COPY requirements/base.txt requirements/constraints.txt requirements/
RUN pip install --no-cache-dir -r requirements/base.txt -c requirements/constraints.txt
RUN useradd --system --no-create-home sitewire
COPY manage.py ./
COPY project project
COPY mqtt_app mqtt_app
COPY tasks tasks
USER sitewire
CMD ["python", "-m", "uvicorn", "project.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log"]
