// What the stream and the answers say.

/** Takes a ticket as GET …/ticket answers it, or null. */
function become(next, ranOut = false) {
  const before = ticket?.state;
  if (next?.position && next.position === ticket?.position) next.ahead = Math.min(next.ahead, ticket.ahead ?? next.ahead);
  [ticket, known] = [next, true];
  if (ticket) sawSeq(ticket.last?.seq);
  if (ranOut) showProblem({ detail: texts.say_hold_over, local: true });
  sayChange(before, ranOut);
  draw();
  sayPlace();
  act();
}

const wentIn = new Set(); // turns; a second try is the shopper's

/** What the page does by itself: goes in when admitted, and on to the shop. */
function act() {
  if (ticket?.state === 'admitted' && !wentIn.has(ticket.until)) {
    wentIn.add(ticket.until);
    command('entry');
  }
  const url = shown === 'pass' && onward();
  if (url && !kept.get(thisTab, `went:${ticket.ticket}`)) {
    kept.set(thisTab, `went:${ticket.ticket}`, 1);
    setTimeout(() => location.assign(url), ONWARD_MS);
  }
}

function onward() {
  if (!ticket?.pass || !URL.canParse(page.return_url)) return null;
  const url = new URL(page.return_url);
  url.searchParams.set('twinkle_pass', ticket.pass);
  return /^https?:$/.test(url.protocol) ? url.href : null;
}

const ended = () => ['left', 'expired', 'cancelled'].includes(ticket?.state);
const after = (state, extra = {}) => become({ ...ticket, until: null, hold: null, ...extra, state });
const pick = ({ slot, seats, until }) => ({ slot, seats, until });

const personal = {
  none: () => become(null),
  registered: () => after('registered'),
  waiting({ position, ahead, eta_secs }) {
    if (ended()) resync(); // another tab joined again: which ticket is it now?
    after('waiting', { position, ahead, eta_secs });
  },
  admitted: ({ until }) => after('admitted', { until }),
  inside({ until, pass = ticket?.pass, seq }) {
    // A repeated entry is answered as before; it takes no seats away.
    if (seq && ticket?.state === 'holding') return;
    become({ ...ticket, state: 'inside', until, pass, hold: null }, ranOut());
  },
  held: (frame) => after('holding', { hold: pick(frame), until: ticket?.until }),
  released: ({ until, seq }) => become({ ...ticket, state: 'inside', until, hold: null }, !seq && ranOut()),
  booked: (frame) => after('booked', { booking: frame }),
  left: () => after('left'),
  expired: () => after('expired'),
  cancelled: () => after('cancelled'),
  refused: () => {}, // the command's own answer tells why
};

const ranOut = () => Boolean(ticket?.hold) && leftMs(ticket.hold.until) < CLOCKS_DIFFER_MS;

const shared = {
  progress({ serving, total, rate, state, at }) {
    if (at) skew = Date.parse(at) - Date.now();
    Object.assign(event, { serving, total, rate, state: state ?? event.state });
    moveOn();
  },
  seats({ slots }) {
    for (const [id, left] of Object.entries(slots)) remaining.set(id, left);
    if (seatsLeft() > 0 && event.sold_out) [event.sold_out] = [false, say(texts.say_seats_back)];
    draw();
  },
  paused: () => turnTo({ state: 'paused' }, event.state !== 'paused' && texts.say_paused),
  resumed: () => turnTo({ state: 'open' }, event.state === 'paused' && texts.say_resumed),
  sold_out: () => turnTo({ sold_out: true }, !event.sold_out && texts.say_sold_out),
  closed: () => turnTo({ state: 'closed' }, event.state !== 'closed' && document.querySelector('[data-name=closed] h2').textContent),
};

function turnTo(facts, text) {
  Object.assign(event, facts);
  if (text) say(text);
  draw();
}

/** The line moved: everyone gets the same frame, so the browser subtracts. */
function moveOn() {
  if (ticket?.state === 'waiting') {
    const ahead = Math.max(0, ticket.position - 1 - event.serving);
    ticket.ahead = Math.min(ticket.ahead, ahead);
    const moves = event.rate > 0 && event.state === 'open' && !event.sold_out;
    ticket.eta_secs = moves ? Math.ceil(((ticket.ahead + 1) * 60) / event.rate) : null;
  }
  draw();
  sayPlace();
}

let covered = null; // the log offset that the frames so far have reached

function take(frame) {
  if (frame.to !== undefined) {
    if (frame.to < covered) return;
    if (covered !== null && frame.from > covered) resync();
    covered = frame.to;
  }
  if (frame.seq) sawSeq(frame.seq);
  (shared[frame.type] ?? personal[frame.type])?.(frame);
}

let resyncing = null;

function resync() {
  resyncing ??= pause(spread(RESYNC_SPREAD_MS)).then(readState).finally(() => { resyncing = null; });
}

/** Reads facts and ticket; true if the service answered. Throws nothing. */
async function readState() {
  try {
    const at = seen === null ? '' : `?seen=${seen}`;
    const options = { cache: 'no-store', signal: AbortSignal.timeout(ANSWER_MAX_MS) };
    const mayHaveOne = ticket !== null || !known;
    const asked = [fetch(api, options), mayHaveOne && fetch(`${api}/ticket${at}`, options)];
    const [facts, own] = await Promise.all(asked);
    for (const answer of [facts, own]) if (answer) holdBack(answer);
    if (facts.ok) takeFacts(await facts.json());
    if (own?.ok) become(await own.json());
    if (own?.status === 404) become(null);
    return facts.ok && !(own?.status >= 500);
  } catch {
    return false;
  }
}

function takeFacts({ state, serving, total, rate, sold_out, slots }) {
  Object.assign(event, { state, serving, total, rate, sold_out });
  for (const { id, remaining: left } of slots) if (left !== null) remaining.set(id, left);
  moveOn();
}
