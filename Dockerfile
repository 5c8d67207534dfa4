# The Bun of package-lock.json; keep both on the same version.
FROM oven/bun:1.4.5-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json bunfig.toml .npmrc ./
# Production has its own PostgreSQL and the image its own Bun, so the optional packages with binaries stay away.
RUN bun install --frozen-lockfile --production --omit=optional --ignore-scripts

FROM oven/bun:1.4.5-slim
WORKDIR /app
ENV NODE_ENV=production HUB_MODE=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
COPY --from=dependencies /app/node_modules node_modules
COPY package.json plans.json ./
COPY bin bin
COPY src src
COPY projections projections
COPY sql sql
RUN mkdir /data && chown bun:bun /data
USER bun
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["bun", "-e", "const answer = await fetch(`http://127.0.0.1:${process.env.PORT}/readyz`); process.exit(answer.ok ? 0 : 1)"]
ENTRYPOINT ["bun", "bin/hub.mjs"]
CMD ["serve"]
