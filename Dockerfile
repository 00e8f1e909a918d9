# The image of the monitor. Build: docker build --tag moex-monitor . Run: see docker-compose.yml and the README.
# Only the first stage installs; the last one adds to its base only what the program runs: no compiler, no cache.
FROM python:3.12.11-slim-bookworm AS build
COPY requirements.txt /requirements.txt
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /requirements.txt \
 && /venv/bin/pip uninstall --yes pip
COPY run.py config.toml LICENSE /app/
COPY shared /app/shared
COPY collector /app/collector
COPY display /app/display
COPY simulator /app/simulator
RUN python -m compileall -q /app

FROM python:3.12.11-slim-bookworm
LABEL org.opencontainers.image.title="moex-monitor" \
      org.opencontainers.image.description="Live monitor of the Moscow Exchange: every quote with its age" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# The only folders that it writes to: its socket, and its log with the list of instruments.
RUN useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin --uid 10001 monitor \
 && install --directory --owner=10001 --group=10001 --mode=0700 /run/moex-monitor /var/lib/moex-monitor
COPY --from=build /venv /venv
COPY --from=build /app /app
ENV PATH=/venv/bin:$PATH \
    LANG=C.UTF-8 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    RUNTIME_DIRECTORY=/run/moex-monitor \
    XDG_STATE_HOME=/var/lib \
    XDG_CACHE_HOME=/var/lib
WORKDIR /app
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 CMD ["python", "/app/run.py", "health"]
ENTRYPOINT ["python", "/app/run.py"]
