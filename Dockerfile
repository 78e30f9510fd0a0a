# The gateway (and, with no addresses set, the whole embedded stack) as one image; `docker compose up` builds it.
FROM node:20-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No script of any package runs: lmdb's binary comes with the package of its platform, and our own build is the next step but one.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:20-slim
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/ksql ./ksql
COPY --from=build /app/schemas ./schemas
RUN install --directory --owner=node --group=node /data
VOLUME /data
USER node
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=5s --start-period=300s --retries=12 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/readyz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/gateway/server.js"]
