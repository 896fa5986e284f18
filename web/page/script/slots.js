// The cards of the slots.

const cards = new Map([...all('[data-slot]')].map((card) => [card.dataset.slot, card]));
const remaining = new Map();
for (const [id, card] of cards) {
  remaining.set(id, card.querySelector('progress').value);
  const mine = viewersTime(card.querySelector('time').dateTime);
  if (mine) {
    const note = document.createElement('span');
    note.className = 'mine';
    note.textContent = mine;
    card.querySelector('time').after(note);
  }
}

const slotName = (id) => cards.get(id)?.dataset.when ?? id ?? '';
const slotMine = (id) => cards.get(id)?.querySelector('.mine')?.textContent ?? '';

function drawSlot(id, card) {
  const [radio, bar, label] = ['input', 'progress', '.left'].map((part) => card.querySelector(part));
  const left = remaining.get(id);
  const own = ticket?.state === 'holding' && ticket.hold.slot === id;
  const few = left <= Math.max(FEW_SEATS, Math.floor(bar.max / 10));
  card.className = own ? 'own' : left < 1 ? 'gone' : few ? 'few' : '';
  radio.disabled = left < 1 && !own;
  if (radio.checked && radio.disabled) {
    radio.checked = false;
    if (chooses()) say(fill(texts.say_slot_gone, { slot: slotName(id) }));
  }
  const text = left < 1 ? texts.gone : fill(few ? texts.few : texts.left, { n: number.format(left) });
  write(label, own ? texts.yours : text);
  bar.max = Math.max(bar.max, left);
  bar.value = left;
}

const chooses = () => ['inside', 'holding'].includes(view());
const seatsLeft = () => [...remaining.values()].reduce((sum, n) => sum + n, 0);
