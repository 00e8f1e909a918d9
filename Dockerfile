FROM python:3.12-slim AS build
COPY requirements.txt /requirements.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /requirements.txt

FROM python:3.12-slim
RUN useradd --system --create-home --uid 10001 monitor
WORKDIR /app
COPY --from=build /venv /venv
COPY run.py config.toml LICENSE ./
COPY shared ./shared
COPY collector ./collector
COPY display ./display
COPY simulator ./simulator
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER monitor
STOPSIGNAL SIGTERM
ENTRYPOINT ["python", "run.py"]
