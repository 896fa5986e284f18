// For those who listen: only what matters, and politely.

let spokeAt = 0;
let spokenBand = null;

function say(text) {
  $('say').textContent = text;
  spokeAt = Date.now();
}

function shout(text) {
  $('shout').textContent = text;
}

const band = () => (ticket.ahead > 1 ? Math.ceil(Math.log2(ticket.ahead)) : ticket.ahead);

/** The place, when it has about halved since it was last said. */
function sayPlace() {
  if (ticket?.state !== 'waiting' || band() === spokenBand) return;
  if (spokenBand !== null && Date.now() - spokeAt < SPEAK_EVERY_MS) return;
  const [position, ahead] = [ticket.position, ticket.ahead].map((n) => number.format(n));
  spokenBand = band();
  const place = fill(texts.say_place, { position, ahead });
  const eta = ticket.eta_secs == null ? '' : fill(texts.say_eta, { eta: spanText(ticket.eta_secs) });
  say(`${place} ${eta}`.trim());
}

function sayChange(before, ranOut) {
  const state = ticket?.state;
  if (state === before) return;
  if (state === 'admitted' || (state === 'inside' && !['admitted', 'holding'].includes(before))) shout(texts.say_turn);
  if (state === 'inside' && before === 'holding' && ranOut) shout(texts.say_hold_over);
  if (state === 'holding') say(fill(texts.say_held, { slot: slotName(ticket.hold.slot) }));
  if (state === 'booked') say(fill(texts.say_booked, { booking: ticket.booking.booking }));
  if (ended()) say(texts[`ended_${state}`]);
  spokenBand = null;
}

function showProblem(problem) {
  const own = problem && page.problems[problem.code];
  $('problem').hidden = !problem;
  $('problem').firstChild.lang = own || problem?.local ? page.lang : 'en';
  write($('problem').firstChild, own ?? problem?.detail ?? '');
}
