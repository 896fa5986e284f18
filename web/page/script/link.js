// The line to the service: a stream, or asking now and then.

let socket = null;
let failures = 0;
let heardAt = 0;
let retryTimer = 0;
let pollTimer = 0;
let holdUntil = 0; // Retry-After asks for silence until then

function holdBack(answer) {
  const secs = Number(answer.headers.get('retry-after'));
  if (secs > 0 && (answer.status === 503 || answer.status === 429)) {
    holdUntil = Date.now() + secs * 1_000 + spread(BACKOFF_BASE_MS);
  }
}

function showLink(state) {
  $('link').hidden = false;
  $('link').dataset.link = state;
  write($('link'), texts[`link_${state}`]);
}

function connect() {
  clearTimeout(retryTimer);
  socket?.close();
  const origin = location.origin.replace(/^http/, 'ws');
  const opened = new WebSocket(`${origin}${api}/stream${seen === null ? '' : `?seen=${seen}`}`);
  [socket, covered, heardAt] = [opened, null, Date.now()];
  opened.onmessage = ({ data }) => {
    if (opened !== socket) return;
    [heardAt, failures] = [Date.now(), 0];
    showLink('live');
    take(JSON.parse(data));
  };
  opened.onclose = () => opened === socket && lost();
}

/** Nothing was heard for too long: the line is dead, whatever the browser believes. */
function silent() {
  const patience = socket?.readyState === WebSocket.CONNECTING ? ANSWER_MAX_MS : SILENCE_MAX_MS;
  return Date.now() - heardAt > patience;
}

/** Full jitter: the crowd comes back spread out. */
function backoff(n) {
  const wait = spread(Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** n));
  return Math.max(wait, holdUntil - Date.now());
}

function lost() {
  const gone = socket;
  socket = null;
  gone?.close();
  clearTimeout(retryTimer);
  if (!navigator.onLine) return showLink('offline');
  showLink(failures < POLL_AFTER_FAILURES ? 'reconnecting' : $('link').dataset.link);
  failures += 1;
  if (failures === POLL_AFTER_FAILURES) poll();
  retryTimer = setTimeout(connect, backoff(failures - 1));
}

/** Asks now and then while no stream can be had. */
async function poll() {
  clearTimeout(pollTimer);
  if (failures < POLL_AFTER_FAILURES || !navigator.onLine) return;
  const answered = await readState();
  if (failures < POLL_AFTER_FAILURES) return;
  showLink(answered ? 'polling' : 'reconnecting');
  pollTimer = setTimeout(poll, Math.max(POLL_MS + spread(POLL_MS), holdUntil - Date.now()));
}
