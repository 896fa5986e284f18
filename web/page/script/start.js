document.addEventListener('submit', (submitted) => {
  const form = submitted.target;
  if (!form.dataset.do) return;
  submitted.preventDefault();
  showProblem(null);
  command(form.dataset.do, Object.fromEntries(new FormData(form)));
});

addEventListener('online', () => { retryTimer = setTimeout(connect, spread(BACKOFF_BASE_MS)); });
addEventListener('offline', lost);
addEventListener('pageshow', ({ persisted }) => persisted && connect());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && silent()) connect();
});

setInterval(() => {
  drawTimers();
  if (socket && silent()) lost();
}, 1_000);

// A reload is no answer to a form.
if (performance.getEntriesByType('navigation')[0]?.type === 'reload') showProblem(null);
history.replaceState(null, '', seen === null ? location.pathname : `?seen=${seen}`);
if (!cards.size || [...cards.values()].some((card) => card.querySelector('.left').textContent === texts.unknown)) resync();
draw();
connect();
act();
