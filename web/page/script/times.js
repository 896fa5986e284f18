// Times, as people read them.

const MINUTE = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const DAY = { weekday: 'short', day: 'numeric', month: 'short' };

function formatIn(timeZone, options) {
  try {
    return new Intl.DateTimeFormat(page.lang, { ...options, timeZone });
  } catch {
    return new Intl.DateTimeFormat(page.lang, { ...options, timeZone: 'UTC' });
  }
}

const [dayThere, dayHere] = [formatIn(page.time_zone, DAY), formatIn(undefined, DAY)];
const [there, here] = [formatIn(page.time_zone, MINUTE), formatIn(undefined, MINUTE)];
const seconds = formatIn(undefined, { ...MINUTE, second: '2-digit' }); // deadlines: the viewer's clock

const untilText = (at) => (at ? seconds.format(new Date(at)) : '');
const leftMs = (at) => Math.max(0, Date.parse(at) - now());

function leftText(ms) {
  const total = Math.ceil(ms / 1_000);
  const two = (n) => String(n).padStart(2, '0');
  const [d, h, m, s] = [total / 86_400, (total / 3_600) % 24, (total / 60) % 60, total % 60].map(Math.floor);
  if (d) return fill(texts.days, { d, clock: `${two(h)}:${two(m)}:${two(s)}` });
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

function spanText(secs) {
  if (secs == null) return texts.unknown;
  const minutes = Math.ceil(secs / 60);
  if (minutes <= 1) return texts.under_minute;
  const [h, m] = [Math.floor(minutes / 60), minutes % 60];
  return fill(h ? texts.hours : texts.minutes, { h, m });
}

/** The time on the viewer's own clock, where it differs from the event's. */
function viewersTime(iso) {
  const at = new Date(iso);
  const sameDay = dayThere.format(at) === dayHere.format(at);
  if (sameDay && there.format(at) === here.format(at)) return '';
  const time = here.format(at);
  return fill(texts.your_time, { time: sameDay ? time : `${dayHere.format(at)}, ${time}` });
}
