// The real binary, embedded: one process, a folder of its own, free ports of 127.0.0.1.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const READY_MAX_MS = 20_000;
const TOKEN = 'the-token-of-the-browser-tests';
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const key = (id, byte) => `${id}:${Buffer.alloc(32, byte).toString('base64url')}`;

export const binary = process.env.TWINKLE_BIN ?? path.join(root, 'target/release/twinkle');

async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}

export class Server {
  static async start() {
    if (!existsSync(binary)) throw new Error(`no binary at ${binary}: build it or set TWINKLE_BIN`);
    const server = new Server();
    [server.port, server.adminPort] = [await freePort(), await freePort()];
    server.data = await mkdtemp(path.join(tmpdir(), 'twinkle-browser-'));
    server.origin = `http://127.0.0.1:${server.port}`;
    await server.run();
    return server;
  }

  async run() {
    const env = {
      ...process.env,
      TWINKLE_LISTEN: `127.0.0.1:${this.port}`,
      TWINKLE_ADMIN_LISTEN: `127.0.0.1:${this.adminPort}`,
      TWINKLE_PUBLIC_URL: this.origin,
      TWINKLE_DATA: path.join(this.data, 'data'),
      TWINKLE_OPERATOR_TOKEN: TOKEN,
      TWINKLE_COOKIE_KEYS: key('c1', 7),
      TWINKLE_PASS_KEYS: key('p1', 9),
    };
    this.output = '';
    this.process = spawn(binary, ['serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (bytes) => { this.output = (this.output + bytes).slice(-20_000); };
    this.process.stdout.on('data', keep);
    this.process.stderr.on('data', keep);
    await this.ready();
  }

  async ready() {
    const giveUpAt = Date.now() + READY_MAX_MS;
    while (Date.now() < giveUpAt && this.process.exitCode === null) {
      const answer = await fetch(`http://127.0.0.1:${this.adminPort}/readyz`).catch(() => null);
      if (answer?.ok) return;
      await pause(100);
    }
    throw new Error(`the server did not become ready:\n${this.output}`);
  }

  async end(signal) {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill(signal);
    await exited;
  }

  async remove() {
    await this.end('SIGKILL');
    await rm(this.data, { recursive: true, force: true });
  }

  /** A call of the operator; fails on anything but success. */
  async operate(method, where, body) {
    const answer = await fetch(`${this.origin}/operator/v1/events/${where}`, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${await answer.text()}`);
  }

  async facts(id) {
    return (await fetch(`${this.origin}/api/v1/events/${id}`)).json();
  }

  /** Makes an event, opens it unless told not to, and waits until everyone can see it. */
  async event(id, changes = {}, open = true) {
    await this.operate('PUT', id, definition(changes));
    if (open) await this.operate('POST', `${id}/open`);
    const wanted = open ? ['open'] : ['draft', 'prequeue'];
    const giveUpAt = Date.now() + READY_MAX_MS;
    while (Date.now() < giveUpAt) {
      const { state } = await this.facts(id);
      if (wanted.includes(state)) return `${this.origin}/e/${id}`;
      await pause(50);
    }
    throw new Error(`event ${id} does not become ${wanted}`);
  }

  admission(id, changes) {
    return this.operate('PATCH', `${id}/admission`, { ...admission, ...changes });
  }
}

const admission = { rate_per_min: 6_000, max_inside: 100, claim_secs: 60, window_secs: 600 };

export const HELD_BACK = { rate_per_min: 0 };

function definition({ admission: rules, slots, ...changes }) {
  const start = '2030-12-05T11:00:00+09:00';
  return {
    title: { en: 'Twinkle pop-up', ko: '반짝 팝업' },
    mode: 'fifo',
    time_zone: 'Asia/Seoul',
    prequeue_at: null,
    opens_at: null,
    closes_at: null,
    return_url: null,
    hold_secs: 300,
    seats_per_ticket: 2,
    ...changes,
    admission: { ...admission, ...rules },
    slots: slots ?? [
      { id: 'a', starts_at: start, capacity: 20 },
      { id: 'b', starts_at: '2030-12-05T12:00:00+09:00', capacity: 1 },
      { id: 'c', starts_at: '2030-12-06T11:00:00+09:00', capacity: 2 },
    ],
  };
}
