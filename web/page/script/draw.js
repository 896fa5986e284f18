// Draws the state in the markup that is there.

/** Which view is shown. `view.rs` decides the same. */
function view() {
  const over = ['closed', 'archived'].includes(event.state);
  const state = ticket?.state;
  if (state === 'booked' || state === 'holding') return state;
  if (state === 'inside' && page.queue_only) return 'pass';
  if (over) return 'closed';
  if (!known) return 'finding';
  if (ended()) return 'ended';
  if (state) return state;
  return ['prequeue', 'open', 'paused'].includes(event.state) ? 'join' : 'soon';
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function bind(values) {
  for (const element of all('[data-b]')) {
    const value = values[element.dataset.b];
    if (value !== undefined) write(element, String(value));
  }
}

const place = document.querySelector('.place strong');
let shown = document.body.dataset.view;

function draw() {
  const current = view();
  const changed = current !== shown;
  const turned = isTurn(current) && !isTurn(shown) && shown !== 'holding';
  const lostFocus = changed && document.querySelector(`[data-name=${shown}]`)?.contains(document.activeElement);
  for (const section of all('[data-name]')) section.hidden = section.dataset.name !== current;
  document.body.dataset.view = shown = current;
  drawParts(current);
  bind(values(current));
  for (const [id, card] of cards) drawSlot(id, card);
  drawTimers();
  place.dataset.length = place.textContent.length;
  document.title = titleOf(current);
  if (changed) arriveAt(current, lostFocus || turned || underWay.size > 0);
}

function drawParts(current) {
  const slotViews = ['finding', 'soon', 'join', 'registered', 'waiting', 'admitted', 'inside', 'holding'];
  const leaveViews = ['registered', 'waiting', 'admitted', 'inside', 'pass', 'holding'];
  const over = ['closed', 'archived'].includes(event.state);
  const joinable = ['prequeue', 'open', 'paused'].includes(event.state);
  $('slots').hidden = page.queue_only || over || !slotViews.includes(current);
  $('choice').disabled = $('bar').hidden = !['inside', 'holding'].includes(current);
  $('leave').hidden = !leaveViews.includes(current);
  $('cancel').hidden = current !== 'booked' || event.state === 'archived';
  $('closing').hidden = current !== 'holding' || !over;
  $('again').hidden = !joinable;
  $('paused').hidden = event.state !== 'paused' || current === 'booked';
  $('sold-out').hidden = !event.sold_out || !['join', 'waiting'].includes(current);
  $('waiting-opens').hidden = !page.opens_at || event.state !== 'prequeue';
  const url = onward();
  $('onward').hidden = !url;
  if (url) $('onward').href = url;
}

function values(current) {
  const { hold, booking } = ticket ?? {};
  const why = texts[`ended_${ticket?.state}`];
  return {
    in_line: number.format(Math.max(0, event.total - event.serving)),
    position: number.format(ticket?.position ?? 0),
    ahead: number.format(ticket?.ahead ?? 0),
    eta: spanText(ticket?.eta_secs),
    left: page.queue_only ? texts.unknown : number.format(seatsLeft()),
    until: untilText(ticket?.until),
    hold_slot: slotName(hold?.slot),
    hold_mine: slotMine(hold?.slot),
    hold_seats: hold && number.format(hold.seats),
    hold_until: untilText(hold?.until),
    booked_slot: slotName(booking?.slot),
    booked_mine: slotMine(booking?.slot),
    booked_seats: booking && number.format(booking.seats),
    booking: booking?.booking,
    ended: why,
    ended_more: why && texts[`ended_${ticket.state}_more`],
    slots_title: { inside: texts.choose, holding: texts.change }[current] ?? texts.look,
    hold_do: current === 'holding' ? texts.swap_do : texts.hold_do,
  };
}

function titleOf(current) {
  const { title } = page;
  if (current === 'waiting') return fill(texts.title_waiting, { title, ahead: number.format(ticket.ahead) });
  if (['admitted', 'inside', 'pass'].includes(current)) return fill(texts.title_turn, { title });
  return current === 'holding' ? fill(texts.title_holding, { title }) : title;
}

const isTurn = (current) => ['admitted', 'inside', 'pass'].includes(current);

/** Focus moves at the turn and after what the shopper did themselves, never otherwise. */
function arriveAt(current, focus) {
  for (const details of all('details')) details.open = false;
  scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth' });
  if (focus) document.querySelector(`[data-name=${current}] h2`).focus({ preventScroll: true });
}

const ends = () => ({ opens: page.opens_at, until: ticket?.until, hold: ticket?.hold?.until });
const warned = new Set();

function drawTimers() {
  const at = ends();
  for (const element of all('[data-timer]')) {
    const end = at[element.dataset.timer];
    write(element, end ? leftText(leftMs(end)) : '');
    element.classList.toggle('soon', Boolean(end) && leftMs(end) < WARN_MS);
  }
  if (ticket?.position) $('progress').value = progressOf(ticket);
  if (shown === 'holding') drawRing(at.hold);
  if (shown === 'holding') warn(at.hold, texts.say_hold_soon);
  if (shown === 'inside') warn(at.until, texts.say_window_soon);
}

function progressOf({ position, ahead }) {
  return position > 1 ? (1_000 * (position - 1 - ahead)) / (position - 1) : 1_000;
}

/** How long a hold or window was when first seen, in ms; kept over reloads. */
function lengthOf(end) {
  const stored = Number(kept.get(thisTab, `length:${end}`));
  if (stored) return stored;
  const length = leftMs(end);
  kept.set(thisTab, `length:${end}`, length);
  return length;
}

function drawRing(end) {
  const share = (100 * leftMs(end)) / Math.max(1, lengthOf(end));
  $('ring').setAttribute('stroke-dasharray', `${Math.min(100, share).toFixed(1)} 100`);
}

function warn(end, text) {
  const before = lengthOf(end) > WARN_MS + WARN_SHORT_MS ? WARN_MS : WARN_SHORT_MS;
  if (warned.has(end) || !leftMs(end) || leftMs(end) > before) return;
  warned.add(end);
  shout(text);
}
