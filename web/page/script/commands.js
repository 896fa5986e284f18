// What the shopper asks for.

const calls = {
  join: () => ['POST', '/tickets', { attempt: attempt() }],
  entry: () => ['POST', '/entry?wait=2s'],
  hold: ({ slot, seats }) => ['PUT', '/hold?wait=2s', { slot, seats: Number(seats) }],
  release: () => ['DELETE', '/hold?wait=2s'],
  book: () => ['PUT', '/booking?wait=2s', {}],
  cancel: () => ['DELETE', '/booking?wait=2s'],
  leave: () => ['DELETE', '/ticket?wait=2s'],
};

const attempt = () => (ticket?.attempt ?? 0) + (ended() ? 1 : 0);

const underWay = new Set();

async function command(kind, fields = {}) {
  if (underWay.has(kind)) return;
  underWay.add(kind);
  showBusy(kind, true);
  try {
    await ask(kind, calls[kind](fields));
  } finally {
    underWay.delete(kind);
    showBusy(kind, false);
  }
}

function showBusy(kind, busy) {
  for (const form of all(`[data-do=${kind}]`)) form.ariaBusy = String(busy);
}

const newKey = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36).padStart(7, '0')).join('-');

/** Asks until there is an answer: the same key and number each time, so it counts once (R6). */
async function ask(kind, [method, path, body]) {
  const headers = { 'Idempotency-Key': newKey() };
  if (kind !== 'join') headers['Twinkle-Seq'] = nextSeq();
  if (body) headers['Content-Type'] = 'application/json';
  const options = { method, headers, body: body && JSON.stringify(body) };
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (let tries = 0; Date.now() < giveUpAt; tries += 1) {
    const answer = await answerOf(path, options);
    const problem = answer && !answer.ok ? await problemOf(answer) : null;
    if (answer?.ok) return settle(await answer.json(), body);
    if (problem?.code === 'stale_seq' && tries === 0) {
      // Another tab was further on; this command is the newer one.
      sawSeq(problem.current);
      headers['Twinkle-Seq'] = nextSeq();
      continue;
    }
    if (problem && !problem.retryable) return refused(problem);
    if (tries === 1) showProblem({ detail: texts.lost_answer, local: true });
    await pause(backoff(Math.min(tries, BACKOFF_COMMAND_MAX)));
  }
}

async function answerOf(path, options) {
  try {
    const answer = await fetch(api + path, { ...options, signal: AbortSignal.timeout(ANSWER_MAX_MS) });
    holdBack(answer);
    return answer;
  } catch {
    return null;
  }
}

async function problemOf(answer) {
  try {
    return await answer.json();
  } catch {
    return { code: 'internal', detail: texts.lost_answer, retryable: answer.status >= 500 };
  }
}

function refused(problem) {
  sawSeq(problem.current);
  showProblem(problem);
  resync();
}

function settle(answer, { attempt: joining } = {}) {
  showProblem(null);
  sawOffset(answer.offset);
  if (joining !== undefined) return joined(answer.ticket, joining);
  if (answer.seq) sawSeq(answer.seq);
  if (personal[answer.type]) personal[answer.type](answer);
  else resync();
}

/** The place is in the log; the stream tells it once the view has it. */
function joined(id, joining) {
  known = Boolean(ticket?.state) && !ended(); // the stream can be faster than the answer
  ticket = { ...(known ? ticket : { state: null }), ticket: id, attempt: joining };
  draw();
  if (!known) connect();
}
