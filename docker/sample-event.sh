#!/bin/sh
# Creates and opens the sample event when there is none: 6 slots of 20 seats in the next two days.
set -eu

event=popup
base=${BASE_URL:?the address of the proxy}
token=${TWINKLE_OPERATOR_TOKEN:?the token of the operator}

call() {
    curl --silent --show-error --fail-with-body --retry 10 --retry-delay 1 \
        --oauth2-bearer "$token" "$@"
    echo
}

day() { # days from now -> date in Seoul
    TZ=KST-9 date -d "@$(($(date +%s) + $1 * 86400))" +%F
}

slots() {
    separator=
    for ahead in 1 2; do
        for hour in 11 14 17; do
            printf '%s{"id": "d%s-%s00", "starts_at": "%sT%s:00:00+09:00", "capacity": 20}' \
                "$separator" "$ahead" "$hour" "$(day "$ahead")" "$hour"
            separator=', '
        done
    done
}

facts() { # the event's public facts, then the status on a line of its own
    curl --silent --retry 10 --retry-delay 1 --write-out '\n%{http_code}' \
        "$base/api/v1/events/$event" || true
}

status=$(facts | tail -n 1)
case $status in
    200) echo "the event $event exists" ;;
    404)
        call --request PUT --header 'Content-Type: application/json' --data @- \
            "$base/operator/v1/events/$event" <<EOF
{ "title": {"en": "Twinkle pop-up", "ko": "반짝 팝업"}, "mode": "fifo", "time_zone": "Asia/Seoul",
  "prequeue_at": null, "opens_at": null, "closes_at": null, "return_url": null,
  "admission": {"rate_per_min": 60, "max_inside": 100, "claim_secs": 60, "window_secs": 600},
  "hold_secs": 300, "seats_per_ticket": 2, "slots": [$(slots)] }
EOF
        ;;
    *)
        echo "GET $base/api/v1/events/$event answered $status" >&2
        exit 1
        ;;
esac

# The answer to the first call can come before the workers know the new event.
tries=30
while facts | grep -Eq '"state":"draft"|^404$'; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "the event $event does not open" >&2; exit 1; }
    call --request POST "$base/operator/v1/events/$event/open"
    sleep 1
done
echo "open http://127.0.0.1:8080/e/$event"
