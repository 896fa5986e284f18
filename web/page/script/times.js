// Times, as people read them.

function clockIn(timeZone, options) {
  const all = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...options };
  try {
    return new Intl.DateTimeFormat(page.lang, { ...all, timeZone });
  } catch {
    return new Intl.DateTimeFormat(page.lang, { ...all, timeZone: 'UTC' });
  }
}

const withDay = { weekday: 'short', day: 'numeric', month: 'short' };
const seconds = clockIn(page.time_zone, { second: '2-digit' });
const there = clockIn(page.time_zone, withDay);
const here = clockIn(undefined, withDay);

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
  if (there.format(at) === here.format(at)) return '';
  return fill(texts.your_time, { time: here.format(at) });
}
