# Stops the server DATA after five minutes without a test. Whoever wants a database writes the file LOCK, and the
# last look is taken under its lock: nobody's server is stopped under them.
server() { head -n 1 "$DATA/postmaster.pid"; }
idle() {
    [ -z "$(find "$LOCK" -mmin -5)" ] &&
        [ -z "$("$PSQL" -X -A -t -d "$URL" -c "SELECT 1 FROM pg_stat_activity WHERE datname LIKE 't\_%' LIMIT 1")" ]
}
mine=$(server)
while sleep 30; do
    [ "$(server)" = "$mine" ] || exit 0
    idle || continue
    exec 9<"$LOCK"
    flock 9
    if idle; then
        "$PG_CTL" -D "$DATA" -m fast -w stop
        exit 0
    fi
    exec 9<&-
done
