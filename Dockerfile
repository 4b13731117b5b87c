# syntax=docker/dockerfile:1
# The web pages, the program, and a small image that runs it. PostgreSQL and nats-server are their
# own containers (compose.yaml): this image has none inside.

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web/ ./
COPY crates/api/ /src/crates/api/
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rustfmt.toml clippy.toml nats.conf users.conf ./
COPY crates/ crates/
COPY events/ events/
COPY projections/ projections/
COPY migrations/ migrations/
COPY --from=web /src/web/dist/ web/dist/
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package greffe && cp target/release/greffe /usr/local/bin/greffe

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates curl tini \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /var/lib/greffe --create-home greffe
COPY --from=build /usr/local/bin/greffe /usr/local/bin/greffe
USER greffe
WORKDIR /var/lib/greffe
ENV GREFFE_LISTEN=0.0.0.0:3002 GREFFE_DATA_DIR=/var/lib/greffe/data
VOLUME /var/lib/greffe/data
EXPOSE 3002
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:3002/readyz"]
ENTRYPOINT ["tini", "--", "greffe"]
CMD ["up"]
