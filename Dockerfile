FROM node:26.10.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY gen gen
COPY src src
RUN npm run build

# Without the bundled Node and Postgres: the image has its own Node, and a database is configured.
FROM node:26.10.0-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional

FROM node:26.10.0-bookworm-slim
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY proto proto
COPY package.json LICENSE ./
RUN install -d -o node -g node -m 0700 /var/lib/coffer
ENV NODE_ENV=production \
    COFFER_HOST=0.0.0.0 \
    COFFER_PORT=8080 \
    COFFER_DATA_DIR=/var/lib/coffer \
    COFFER_LOG_FORMAT=json
VOLUME /var/lib/coffer
# The API, and with `coffer egress` the proxy.
EXPOSE 8080 8081
USER node
# It asks itself, so that the certificate, if there is one, need not name localhost.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "--no-warnings", "-e", "const { env } = process; env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch(`${env.COFFER_TLS_CERT_FILE ? 'https' : 'http'}://127.0.0.1:${env.COFFER_PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
STOPSIGNAL SIGTERM
# MiB for new objects: more would be taken, without being faster.
ENTRYPOINT ["node", "--max-semi-space-size=8", "--heap-growing-percent=150", "--disable-sigusr1", "/app/dist/src/main.js"]
CMD ["serve"]
