// What is said to a person: in passing, and as a question that has to be answered.

import { h } from './dom.js';
import { t } from './page.js';

const PASSING_MS = 4_000;

/** Says something for a few seconds; a screen reader reads it too. */
export function say(text) {
  const line = h('p', {}, text);
  place().append(line);
  setTimeout(() => line.remove(), PASSING_MS);
}

/** Asks before something is done that can't be undone; `true` when it is to be done. */
export function sure({ title, text, yes }) {
  return new Promise((answer) => {
    const dialog = h('dialog', { 'aria-labelledby': 'sure-title' },
      h('form', { method: 'dialog' },
        h('h2', { id: 'sure-title' }, title),
        text && h('p', {}, text),
        h('div', { class: 'row' },
          h('button', { class: 'danger', value: 'yes' }, yes),
          h('button', { value: 'no', autofocus: true }, t('cancel')))));
    dialog.addEventListener('close', () => {
      dialog.remove();
      answer(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Runs what a button is for: it can't be pressed twice, shows that something happens, and says what went wrong. */
export async function busy(button, work) {
  if (button.getAttribute('aria-busy') === 'true') return undefined;
  button.setAttribute('aria-busy', 'true');
  try {
    return await work();
  } catch (error) {
    say(error.text ?? t('refusal.other', { code: error.name }));
    if (!error.text) console.error(error);
    return undefined;
  } finally {
    button.removeAttribute('aria-busy');
  }
}

function place() {
  let place = document.querySelector('.passing');
  if (!place) {
    place = h('div', { class: 'passing', role: 'status', 'aria-live': 'polite' });
    document.body.append(place);
  }
  return place;
}
