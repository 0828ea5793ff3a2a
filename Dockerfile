# One image for the code location, the daemon and the webservers; docker-compose.yml says which is which.
# The base is pinned by its tag; pin it by digest as well (`docker buildx imagetools inspect`) where tags may move.
FROM python:3.11.14-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
# Any other instance than `deploy` starts runs elsewhere than in the code location.
ARG INSTANCE=deploy
COPY requirements.lock requirements-launchers.lock ./
RUN pip install --require-hashes -r "requirements$([ "$INSTANCE" = deploy ] || echo -launchers).lock"
COPY pyproject.toml README.md LICENSE ./
COPY gitpulse_assets gitpulse_assets
RUN pip install --no-build-isolation --no-deps . && pip uninstall --yes hatchling editables pip

FROM python:3.11.14-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS=ignore \
    DAGSTER_HOME=/srv/gitpulse/deploy \
    HOME=/tmp
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/gitpulse
COPY deploy deploy
# Nothing in the image belongs to it: what a run writes goes to S3, PostgreSQL and /tmp.
USER 10001:10001
EXPOSE 4000 3000
CMD ["dagster", "api", "grpc", "-h", "0.0.0.0", "-p", "4000", "-m", "gitpulse_assets.definitions"]
