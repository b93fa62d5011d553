#!/bin/sh
# Makes the namespace of the orders, once; an existing one keeps its retention.
set -eu

tries=0
until temporal operator cluster health --address "$TEMPORAL_ADDRESS" >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" -ge 30 ]; then
		echo "Temporal at $TEMPORAL_ADDRESS does not become healthy." >&2
		exit 1
	fi
	sleep 2
done

set -- --address "$TEMPORAL_ADDRESS" --namespace "$NAMESPACE"
if temporal operator namespace describe "$@" >/dev/null 2>&1; then
	echo "Namespace $NAMESPACE is there."
else
	temporal operator namespace create "$@" --retention "$RETENTION"
fi
