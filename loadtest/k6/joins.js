// Joins at a rate that does not wait for answers, and a few sockets that must hear the line move.
// Environment: see ../plans.md.
import { check } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';

const BASE = __ENV.TWINKLE_URL || 'http://127.0.0.1:8080';
const EVENT = `${BASE}/api/v1/events/${__ENV.EVENT || 'popup'}`;
const RATE = Number(__ENV.RATE || 500);
const PEAK = Number(__ENV.PEAK || 50000);
const DURATION = __ENV.DURATION || '30s';
const SOCKETS = Number(__ENV.SOCKETS || 10);
const VUS = Number(__ENV.VUS || 200);
const P99_MS = Number(__ENV.P99_MS || 1000);

const FRAMES_SECS_MAX = 10;
const UUID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const PERSONAL = ['waiting', 'admitted'];

// Only joins of which every check passed.
const checkedJoins = new Counter('checked_joins');

const pool = { exec: 'join', timeUnit: '1s', preAllocatedVUs: VUS, maxVUs: VUS * 10 };
const profiles = {
  constant: { ...pool, executor: 'constant-arrival-rate', rate: RATE, duration: DURATION },
  ramp: {
    ...pool,
    executor: 'ramping-arrival-rate',
    startRate: RATE,
    stages: [{ target: PEAK, duration: DURATION }],
  },
};
const watchers = {
  exec: 'watch',
  executor: 'per-vu-iterations',
  vus: SOCKETS,
  maxDuration: `${FRAMES_SECS_MAX * 3}s`,
};

export const options = {
  scenarios: { joins: profiles[__ENV.PROFILE || 'constant'], watchers },
  thresholds: {
    checks: ['rate==1'],
    http_req_failed: ['rate==0'],
    // Dropped: the moment came and no VU was free. Such a run did not hold its rate.
    dropped_iterations: ['count==0'],
    'http_req_duration{scenario:joins}': [`p(99)<${P99_MS}`],
  },
  summaryTrendStats: ['med', 'p(99)', 'max'],
};

export function join() {
  // No cookie is left from an iteration before, so each is a new shopper.
  const answer = http.post(`${EVENT}/tickets`);
  const told = answer.status === 202 ? answer.json() : {};
  const ok = check(answer, {
    'status is 202': () => answer.status === 202,
    'ticket is a UUIDv8': () => UUID_V8.test(told.ticket),
    'offset is a number': () => Number.isSafeInteger(told.offset),
    'index is a number': () => Number.isSafeInteger(told.index),
  });
  checkedJoins.add(ok ? 1 : 0);
  return told;
}

export function watch() {
  const { stream } = join();
  if (!stream) return;
  // The jar of this VU gives the socket the cookie of the join.
  const socket = new WebSocket(BASE.replace(/^http/, 'ws') + stream);
  const heard = new Set();
  const patience = setTimeout(() => socket.close(), FRAMES_SECS_MAX * 1000);
  socket.onmessage = ({ data }) => {
    heard.add(JSON.parse(data).type);
    if (heard.has('progress') && PERSONAL.some((type) => heard.has(type))) socket.close();
  };
  socket.onclose = () => {
    clearTimeout(patience);
    check(heard, {
      'socket hears progress': () => heard.has('progress'),
      'socket hears its own state': () => PERSONAL.some((type) => heard.has(type)),
    });
  };
}

export function handleSummary({ metrics, root_group: { checks } }) {
  const values = (name) => (metrics[name] ? metrics[name].values : {});
  const took = values('http_req_duration{scenario:joins}');
  const lines = [
    `joins with every check passed: ${values('checked_joins').count}`,
    ...checks.map(({ name, passes, fails }) => `${name}: ${passes} passed, ${fails} failed`),
    `dropped iterations: ${values('dropped_iterations').count || 0}`,
    `join: median ${took.med} ms, p99 ${took['p(99)']} ms, max ${took.max} ms`,
  ];
  const files = __ENV.SUMMARY ? { [__ENV.SUMMARY]: JSON.stringify(metrics) } : {};
  return { stdout: `${lines.join('\n')}\n`, ...files };
}
