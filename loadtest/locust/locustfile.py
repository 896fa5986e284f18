"""Whole shoppers over HTTP: join, wait, enter, hold, book. Environment: see ../plans.md."""

import os
import random
import re
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from locust import FastHttpUser, constant_throughput, task
from locust.exception import RescheduleTask

EVENT = f"/api/v1/events/{os.environ.get('EVENT', 'popup')}"
# Shoppers a second, over all users.
RATE = float(os.environ.get("RATE", "20"))
PATIENCE_SECS = float(os.environ.get("PATIENCE_SECS", "60"))

POLL_SECS = 1.0
UUID_V8 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

Body = dict[str, Any]
Check = Callable[[int, Body], bool]


def ok(status: int, _body: Body) -> bool:
    return status == 200


def accepted(status: int, body: Body) -> bool:
    numbers = (body.get("offset"), body.get("index"))
    is_ticket = UUID_V8.fullmatch(str(body.get("ticket"))) is not None
    return status == 202 and is_ticket and all(isinstance(number, int) for number in numbers)


def known_or_not_yet(status: int, body: Body) -> bool:
    return status == 200 or body.get("code") == "view_unknown"


def outcome(kind: str) -> Check:
    return lambda status, body: status == 200 and body.get("type") == kind


def held_or_too_late(status: int, body: Body) -> bool:
    return outcome("held")(status, body) or body.get("code") == "not_enough_seats"


class Shopper(FastHttpUser):
    """Plays one shopper after the other."""

    host = os.environ.get("TWINKLE_URL", "http://127.0.0.1:8080")

    def wait_time(self) -> float:
        users = self.environment.parsed_options.num_users
        return constant_throughput(RATE / users)(self)

    @task
    def shop(self) -> None:
        self.client.cookiejar.clear()
        joined = self.call("join", "POST", "/tickets", accepted)
        if not (self.gets_turn(joined["offset"]) and self.holds_seat()):
            self.call("leave", "DELETE", "/ticket", accepted)
            return
        body = {"reference": f"order-{uuid4()}"}
        self.call("book", "PUT", "/booking?wait=5s", outcome("booked"), json=body)

    def gets_turn(self, seen: int) -> bool:
        deadline = time.monotonic() + PATIENCE_SECS
        while time.monotonic() < deadline:
            mine = self.call("look", "GET", f"/ticket?seen={seen}", known_or_not_yet)
            if mine.get("state") == "admitted":
                self.call("enter", "POST", "/entry?wait=5s", outcome("inside"))
                return True
            time.sleep(POLL_SECS)
        return False

    def holds_seat(self) -> bool:
        slots = self.call("event", "GET", "", ok)["slots"]
        free = [slot["id"] for slot in slots if slot["remaining"] > 0]
        if not free:
            return False
        body = {"slot": random.choice(free), "seats": 1}
        held = self.call("hold", "PUT", "/hold?wait=5s", held_or_too_late, json=body)
        return held.get("type") == "held"

    def call(self, name: str, method: str, path: str, check: Check, **more: Any) -> Body:
        """One checked call; when the check fails this shopper's story ends."""
        url = EVENT + path
        with self.client.request(method, url, name=name, catch_response=True, **more) as answer:
            try:
                body: Body = answer.json()
            except (TypeError, ValueError):
                body = {}
            if not check(answer.status_code, body):
                why = body.get("code") or body.get("type") or getattr(answer, "error", "")
                answer.failure(f"{answer.status_code} {why}")
                raise RescheduleTask
            # A refusal that was expected is no failure either.
            answer.success()
            return body
