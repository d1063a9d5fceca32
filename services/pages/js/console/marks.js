// Small things that stand for others: moments, ids that are shortened, names, and a button that copies.

import { h } from '../shared/dom.js';
import { lang, t } from '../shared/page.js';
import { say } from '../shared/say.js';

const today = new Intl.DateTimeFormat(lang, { timeStyle: 'medium' });
const thisYear = new Intl.DateTimeFormat(lang, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
const anyYear = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' });
const whole = new Intl.DateTimeFormat(lang, { dateStyle: 'full', timeStyle: 'long' });

/** A moment: as short as it can be told from now, in full when pointed at. */
export function when(text) {
  if (!text) return null;
  const date = new Date(text);
  return h('time', { datetime: text, title: whole.format(date) }, brief(date, new Date()));
}

function brief(date, now) {
  if (date.toDateString() === now.toDateString()) return today.format(date);
  return (date.getFullYear() === now.getFullYear() ? thisYear : anyYear).format(date);
}

/** What people wrote. It is text alone, and whichever way it runs, what stands beside it does not turn. */
export function written(text, name = 'bdi') {
  return h(name, { class: 'written', title: text, dir: 'auto' }, text);
}

/** What people wrote, in a sentence: not too much of it, and isolated, so that it does not turn the sentence. */
export function quoted(text) {
  const letters = [...text];
  const most = 60;
  return `\u2068${letters.length > most ? `${letters.slice(0, most).join('')}…` : text}\u2069`;
}

/** The beginning of an id; the whole one when pointed at, unless it opens a door. */
export function short(id, { secret = false } = {}) {
  if (!id) return null;
  return h('code', { class: 'id', title: secret ? false : id }, id.length > 10 ? `${id.slice(0, id.startsWith('p_') ? 10 : 8)}…` : id);
}

/** A button that copies what `value()` gives. */
export function copy(value, label) {
  return h('button', { type: 'button', class: 'copy', 'aria-label': label, title: label, onclick: () => take(value()) }, sheets());
}

/** Two sheets, one over the other. */
function sheets() {
  const icon = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  icon.setAttribute('viewBox', '0 0 16 16');
  icon.setAttribute('aria-hidden', 'true');
  path.setAttribute('d', 'M6 5V2h8v9h-3M2 5h9v9H2z');
  icon.append(path);
  return icon;
}

async function take(value) {
  try {
    await navigator.clipboard.writeText(value);
    say(t('copied'));
  } catch {
    say(t('copy.failed'));
  }
}

/** The text of a `datetime-local` field. */
export function fieldOf(date) {
  const two = (number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
    + `T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** What a `datetime-local` field says, as the API takes it; `last` is the end of that second. */
export function momentOf(field, { last = false } = {}) {
  if (!field) return undefined;
  const date = new Date(field);
  if (last) date.setMilliseconds(999);
  return date.toISOString();
}

/** Says which zone's times are meant. */
export function zoneText() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const offset = -new Date().getTimezoneOffset();
  const hours = `${offset < 0 ? '−' : '+'}${Math.floor(Math.abs(offset) / 60)}`;
  const minutes = Math.abs(offset) % 60;
  return t('zone', { zone: timeZone, offset: minutes ? `${hours}:${String(minutes).padStart(2, '0')}` : hours });
}
