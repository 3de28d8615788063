# The hub as an image: slim, an account of its own, nothing but what the lock files name. docker-compose.yml runs it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /venv
COPY requirements/build.lock requirements/run.lock requirements/
RUN /venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: \
    -r requirements/build.lock -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY hub hub
COPY connectors connectors
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hub \
    && install -d -o hub -g hub /workspace /workspace/.hub /workspace/.hub/twins
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /workspace
USER hub
ENTRYPOINT ["hub"]
CMD ["--help"]
