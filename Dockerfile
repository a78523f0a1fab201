# deploytool as an image, for CI systems and for machines without Python. It runs as a user without rights.
#
#   docker build -t deploytool .
#   docker run --rm -v "$PWD:/work" -v "$SSH_AUTH_SOCK:/agent" -e SSH_AUTH_SOCK=/agent deploytool plan inventory.yaml
ARG BASE=debian:trixie-slim
FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
COPY setup.cfg pyproject.toml README.md LICENSE /source/
COPY deploytool /source/deploytool
RUN python3 -m venv /opt/deploytool \
 && /opt/deploytool/bin/pip install --no-cache-dir --disable-pip-version-check /source

FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends bash ca-certificates curl git openssh-client python3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 deploytool
COPY --from=build /opt/deploytool /opt/deploytool
RUN ln -s /opt/deploytool/bin/deploytool /usr/local/bin/deploytool
USER deploytool
WORKDIR /work
ENTRYPOINT ["deploytool"]
CMD ["--help"]
