// The shopper's page, taken over from its server-rendered state: one stream feeds one state, and
// draw() shows it in the markup that is already there. Without this file the forms do the same.

const BACKOFF_BASE_MS = 1_000;
const BACKOFF_CAP_MS = 30_000;
const BACKOFF_COMMAND_MAX = 3; // doublings: someone looks on
const SILENCE_MAX_MS = 5_000; // the stream beats once a second
const POLL_AFTER_FAILURES = 3;
const POLL_MS = 5_000; // and up to as much again
const ANSWER_MAX_MS = 10_000;
const PATIENCE_MS = 60_000; // a command without an answer is asked again for so long
const RESYNC_SPREAD_MS = 2_000;
const SPEAK_EVERY_MS = 30_000;
const WARN_MS = 60_000;
const WARN_SHORT_MS = 20_000; // for a hold or window of little more than a minute
const FEW_SEATS = 3;
const ONWARD_MS = 1_200;
const CLOCKS_DIFFER_MS = 1_000;

const $ = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);
const page = JSON.parse($('model').textContent);
const { texts, event } = page;
const api = `/api/v1/events/${event.id}`;
const number = new Intl.NumberFormat(page.lang);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const spread = (ms) => Math.random() * ms;

let ticket = page.ticket; // as GET …/ticket answers; null = none
let known = page.known; // false: the view can't tell yet, or a join is on its way
let seen = page.seen;
let skew = page.now - Date.now(); // event time − this clock
const now = () => Date.now() + skew;

// Storage: shared by the tabs of this browser, and never needed.

const kept = {
  get(store, key) {
    try { return store()[`twinkle:${event.id}:${key}`]; } catch { return undefined; }
  },
  set(store, key, value) {
    try { store()[`twinkle:${event.id}:${key}`] = value; } catch { /* a private window */ }
  },
};
const everyTab = () => localStorage;
const thisTab = () => sessionStorage;

let highestSeq = 0;

/** Numbers of commands grow, over all tabs and attempts (R6). */
function sawSeq(seq) {
  highestSeq = Math.max(highestSeq, Number(kept.get(everyTab, 'seq')) || 0, seq || 0);
  kept.set(everyTab, 'seq', highestSeq);
  return highestSeq;
}

const nextSeq = () => sawSeq(sawSeq(ticket?.last?.seq) + 1);

function sawOffset(offset) {
  if (!(offset > (seen ?? -1))) return;
  seen = offset;
  history.replaceState(null, '', `?seen=${seen}`);
}
