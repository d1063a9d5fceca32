// What a place shows while something is asked for, when nothing came, and when it could not be had.

import { h, put } from '../shared/dom.js';
import { t } from '../shared/page.js';
import { asking } from './account.js';

/** Which time a place is being filled: an answer that was overtaken is not shown. */
const turns = new WeakMap();

/**
 * Fills a place with what `work` comes to: nodes, `null` to leave what there is, or why nothing came and a way to try again. What is
 * done quietly, because nobody asked for it just now, shows no waiting and asks for no secret.
 */
export async function fill(place, work, { quietly = false } = {}) {
  const turn = (turns.get(place) ?? 0) + 1;
  turns.set(place, turn);
  if (!quietly) place.setAttribute('aria-busy', 'true');
  if (!place.hasChildNodes()) put(place, waiting());
  let content;
  try {
    content = await (quietly ? work() : asking(work));
  } catch (error) {
    content = failed(error, () => fill(place, work));
  }
  if (turns.get(place) !== turn) return;
  place.removeAttribute('aria-busy');
  if (content !== null) replace(place, content);
}

/** Replaces what is in a place; a keyboard that was in there stays in the place. */
function replace(place, ...content) {
  const inside = place.contains(document.activeElement);
  put(place, ...content);
  if (!inside) return;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

/** Bars where something is about to be. */
export function waiting(bars = 4) {
  return h('div', { class: 'waiting', role: 'status', 'aria-label': t('loading') }, Array.from({ length: bars }, () => h('i')));
}

/** What there is when there is nothing. */
export function empty(title, text) {
  return h('div', { class: 'empty' }, h('strong', {}, title), text && h('p', {}, text));
}

/** Why something could not be had. */
export function failed(error, retry) {
  // What is no refusal is a mistake of this page's own.
  if (!error.text) console.error(error);
  const missing = error.code === 'not_found';
  const why = missing ? t('unavailable') : error.text ?? t('refusal.other', { code: error.name });
  const detail = error.status === 400 && error.detail;
  return h('div', { class: 'notice stack tight', 'data-kind': missing ? 'warn' : 'bad', role: 'alert' },
    h('p', {}, why),
    detail && h('p', { class: 'small' }, detail),
    error.requestId && h('p', { class: 'small mono' }, error.requestId),
    retry && h('div', {}, h('button', { type: 'button', class: 'small', onclick: retry }, t('retry'))));
}
