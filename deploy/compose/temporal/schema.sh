#!/bin/sh
# Makes or upgrades the engine's two databases; running it again changes nothing.
set -eu

SQL_PASSWORD="$(cat /run/secrets/temporal_database_password)"
export SQL_PASSWORD

tool() {
	temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" -p 5432 -u "$POSTGRES_USER" "$@"
}

for store in temporal temporal_visibility; do
	case "$store" in
	temporal) schema=temporal ;;
	*) schema=visibility ;;
	esac
	tool --db "$store" create
	tool --db "$store" setup-schema -v 0.0
	tool --db "$store" update-schema -d "/etc/temporal/schema/postgresql/v12/$schema/versioned"
done
