# inmem-pubsub in a container: docker build -t inmem-pubsub . && docker run --rm -p 127.0.0.1:8080:8080 inmem-pubsub

# --- build: the locked dependencies and this project's wheel, in an environment of their own ---
FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore

# For the modules that are compiled (hatch_build.py).
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*

WORKDIR /build
RUN python -m venv --without-pip /opt/inmem-pubsub

# Dependencies change rarely: their layers come before the source.
COPY requirements/base.txt requirements/build.txt requirements/
RUN pip --python /opt/inmem-pubsub/bin/python install --require-hashes -r requirements/base.txt \
    && pip install --require-hashes -r requirements/build.txt

COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY src src
RUN INMEM_PUBSUB_COMPILE=1 pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/inmem-pubsub/bin/python install --no-deps --no-index dist/*.whl

# --- the image: that environment, and nothing that can build ---
FROM python:3.13-slim

LABEL org.opencontainers.image.title="inmem-pubsub" \
      org.opencontainers.image.description="In-memory publish/subscribe over WebSocket and HTTP" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=build /opt/inmem-pubsub /opt/inmem-pubsub

# Inside a container every interface is the container's own: what is published decides who can connect.
ENV PATH="/opt/inmem-pubsub/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8080

# A .env mounted here is read.
WORKDIR /app
USER 10001:10001

EXPOSE 8080
STOPSIGNAL SIGTERM

# Asks the server itself, past any proxy of the environment. The port is the variable's: set PORT rather than pass --port.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:%s/health' % (os.environ.get('PORT') or 8080), timeout=2)"]

# The server is process 1 and gets the signals; flags follow the image's name.
ENTRYPOINT ["inmem-pubsub"]
