# Short names for what is typed most. Each line is a command that works without make, too.
.PHONY: up test unit lint format types contracts doctor

up:
	python3 manage.py up

test:
	python3 manage.py test

unit:
	python3 manage.py test tests/unit -q

lint:
	.venv/bin/python -m ruff check .

format:
	.venv/bin/python -m ruff format .

types:
	.venv/bin/python -m mypy

contracts:
	.venv/bin/lint-imports

doctor:
	python3 manage.py doctor
