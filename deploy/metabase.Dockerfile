# Metabase with the DuckDB driver. Not Metabase's own image: that one is of Alpine, and DuckDB's library needs glibc.
# The pair of versions is the one the driver's own image is built of; change them together.
FROM eclipse-temurin:21.0.8_9-jre-jammy
ARG METABASE_VERSION=0.58.9
ARG DUCKDB_DRIVER_VERSION=1.5.5.0
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --uid 10002 metabase \
    && install -d -o metabase /data /plugins
ADD --chown=metabase https://downloads.metabase.com/v${METABASE_VERSION}/metabase.jar /app/metabase.jar
ADD --chown=metabase https://github.com/motherduckdb/metabase_duckdb_driver/releases/download/${DUCKDB_DRIVER_VERSION}/duckdb.metabase-driver.jar /plugins/duckdb.metabase-driver.jar
ENV MB_PLUGINS_DIR=/plugins MB_DB_FILE=/data/metabase.db
USER metabase
WORKDIR /data
EXPOSE 3000
CMD ["java", "-jar", "/app/metabase.jar"]
