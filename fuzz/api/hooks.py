"""What lets the calls get beyond "no such event": events and cookies that exist."""

import json
import os
import random

import requests
import schemathesis

URL, EVENT = os.environ["TWINKLE_URL"], os.environ["EVENT"]
TOKEN = {"Authorization": f"Bearer {os.environ['TWINKLE_OPERATOR_TOKEN']}"}
# Of ten calls, so many are made with what exists; the others with what comes.
REAL = 0.8
SHOPPERS = 8
SCRATCH = [f"scratch-{n}" for n in range(12)]
DEFINITION = {
    "title": {"en": "Scratch"},
    "slots": [{"id": "one", "starts_at": "2099-12-31T12:00:00Z", "capacity": 9}],
}
dice = random.Random(7)


def joined():
    session = requests.Session()
    session.post(f"{URL}/api/v1/events/{EVENT}/tickets").raise_for_status()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def made(event):
    answer = requests.put(f"{URL}/operator/v1/events/{event}", headers=TOKEN, json=DEFINITION)
    answer.raise_for_status()
    return event


COOKIES = [joined() for _ in range(SHOPPERS)]
SCRATCH = [made(event) for event in SCRATCH]


@schemathesis.hook
def before_call(ctx, case, kwargs):
    path, params = case.operation.path, case.path_parameters or {}
    if "event" in params and dice.random() < REAL:
        # The event of the shoppers stays as it is: it must not be closed under them.
        changes = path.startswith("/operator") and case.method != "GET"
        params["event"] = dice.choice(SCRATCH) if changes else EVENT
    if "slot" in params and dice.random() < REAL:
        params["slot"] = "one"
    if isinstance(case.body, dict) and "slot" in case.body and dice.random() < REAL:
        case.body["slot"] = "one"
    if not path.startswith("/operator") and dice.random() < REAL:
        case.headers["Cookie"] = dice.choice(COOKIES)
    not_of_the_future(case)


def not_of_the_future(case):
    """Who claims to have seen what is not written yet is told by 503 that the state is not known."""
    seen = str((case.query or {}).get("seen", ""))
    if seen.isdecimal():
        case.query["seen"] = 0
